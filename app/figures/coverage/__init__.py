"""Figures about what can be seen of services, and how well."""
