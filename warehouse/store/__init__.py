"""Where tables lie: the DuckDB file, its snapshots, the lake; how a snapshot is asked."""
