"""Figures about money."""
