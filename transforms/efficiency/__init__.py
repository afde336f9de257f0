"""Efficiency: workloads, rightsizing, cost per unit of work."""
