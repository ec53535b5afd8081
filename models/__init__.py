"""Models: features and outcomes to a validated, calibrated, registered model."""
