"""Self-contained pages for a browser: the answer first, then everything that leads to it."""
