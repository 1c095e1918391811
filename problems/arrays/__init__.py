"""What is asked of arrays everywhere: their axes, dtypes and norms."""
