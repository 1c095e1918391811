"""What is asked for: names, plug-ins and suites, expanded into cases."""
