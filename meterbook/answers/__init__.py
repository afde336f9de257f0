"""Answers read from a snapshot: explain, statements, exports, simulations."""
