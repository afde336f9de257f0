"""Debug."""

from app import show

page = show.Page("Debug", "")
