"""Linear solvers of adjoint equations, one a file, and what they share."""
