"""Linear operators, one per file, and the forms in which they run fast."""
