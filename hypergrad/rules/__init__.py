"""Differentiation rules, one a file."""
