"""Coverage."""

from app import show

page = show.Page("Coverage", "")
