"""The site: the server, the start file, what stands around every page."""
