"""Hypergradients of growing images."""
