"""Fixes a reader can take away: snippets for the Collector, for SDKs, for recording rules."""
