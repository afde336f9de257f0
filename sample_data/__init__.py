"""A seeded organisation: its telemetry, its bills, and the truth about both."""
