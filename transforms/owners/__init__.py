"""Owners: the ownership file, its rules and pools, and whom they name."""
