"""Usage: what containers, nodes, volumes and networks asked for and used, hour by hour."""
