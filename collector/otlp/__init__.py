"""The OTLP receiver: doors, one way in, a durable journal, and its decoder."""
