"""The ledger: every bill line explained downward."""
