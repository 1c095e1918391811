"""Restarted Jacobian-free differentiation."""
