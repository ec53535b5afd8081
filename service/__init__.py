"""The service: who may ask, and what they get."""
