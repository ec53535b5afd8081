"""Scoring: one subject or ten million to PD, score, grade, reasons and warnings."""
