"""Frames in, frames out: cost, coverage, cardinality. No files, no clock, no network."""
