"""Billing exports: sources, deliveries and the mapping of native formats to FOCUS."""
