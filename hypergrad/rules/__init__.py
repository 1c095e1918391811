"""Differentiation rules, one per file."""
