"""Iterations that move a solution and its adjoint together."""
