"""The journal: what is acknowledged is on disk."""
