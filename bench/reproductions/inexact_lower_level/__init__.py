"""Hypergradients of lower levels that are not solved to the end."""
