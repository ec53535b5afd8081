"""The second engine, for bases that outgrow a machine: the same expressions on the same files, run by Spark."""
