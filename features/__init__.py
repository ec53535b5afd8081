"""Features: what was known about a subject at a moment."""
