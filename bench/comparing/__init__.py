"""Two runs of the same cases: what became slower, larger or wrong."""
