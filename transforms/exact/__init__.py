"""Exact arithmetic: money in atoms, cents, sums that two runs agree on."""
