"""Engines: how the days of a build are run."""
