"""What is asked for: selections and suites, expanded into cases."""
