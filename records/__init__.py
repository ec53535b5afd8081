"""The public credit base: catalogue, identity, batches, records as of any moment."""
