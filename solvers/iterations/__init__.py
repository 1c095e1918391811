"""Iterations that solve a lower level, one per file, and the parts that they share."""
