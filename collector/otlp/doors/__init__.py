"""Doors: HTTP and gRPC, TLS. Two ways to one admission."""
