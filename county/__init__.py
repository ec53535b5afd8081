"""A synthetic county that knows each subject's true PD. Never mistake its records for real ones."""
