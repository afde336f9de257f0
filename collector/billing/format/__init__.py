"""Formats: each native bill read into FOCUS columns."""
