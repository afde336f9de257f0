"""Figures that lead from an amount back to its bill line."""
