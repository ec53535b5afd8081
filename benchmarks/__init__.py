"""Measurements, side by side with what they are compared to. ``huixin bench NAME`` runs one."""
