"""Iterations that solve a lower level, one a file, and the parts that they share."""
