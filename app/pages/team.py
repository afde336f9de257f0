"""Team."""

from app import show

page = show.Page("Team", "")
