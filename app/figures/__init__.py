"""The figures, by subject. Each is one function `(reader, filters, …) -> Figure`."""
