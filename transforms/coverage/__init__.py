"""Coverage: which services can be seen, and which are dark."""
