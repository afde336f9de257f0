"""The tables, each declared once, and DuckDB: create, replace, publish, ask."""
