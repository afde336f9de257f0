"""Decoding: from the journal to the lake, in a process of its own."""
