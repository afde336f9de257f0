"""Outlook: forecasts, budgets, anomalies, closed months."""
