"""Figures about series and labels."""
