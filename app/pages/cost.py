"""Cost."""

from app import show

page = show.Page("Cost", "")
