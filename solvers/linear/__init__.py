"""Linear solvers of adjoint equations, one per file, and what they share."""
