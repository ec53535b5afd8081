"""Scoring many over REST: at once for some, as a job for more."""
