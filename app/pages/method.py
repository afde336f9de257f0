"""Method."""

from app import show

page = show.Page("Method", "")
