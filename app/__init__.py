"""What people read: figures, pages and the static report, from published snapshots only."""
