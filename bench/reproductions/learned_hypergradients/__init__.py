"""Hypergradients of learned models, on every task."""
