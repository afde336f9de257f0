"""Cardinality: series, labels, what-ifs, churn."""
