"""Admission: who may send, how much, and what is checked before the answer."""
