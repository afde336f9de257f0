"""Deliveries: found, guarded, held or put in force in one switch."""
