"""Figures about the book itself: freshness, quality, workloads."""
