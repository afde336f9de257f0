"""Cardinality."""

from app import show

page = show.Page("Cardinality", "")
