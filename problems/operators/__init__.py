"""Linear operators, one a file, and the forms in which they run fast."""
