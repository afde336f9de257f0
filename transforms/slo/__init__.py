"""Service levels: the figures M1 to M12 as rows."""
