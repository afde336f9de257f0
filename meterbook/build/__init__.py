"""A build: what is due, the steps run in order, the snapshot published."""
