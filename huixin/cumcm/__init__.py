"""Real small enterprises and their invoices (CUMCM 2020, problem C): read, studied, rated."""
