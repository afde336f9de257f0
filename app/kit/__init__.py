"""What every page is made of: figures, charts, tables, words, filters."""
