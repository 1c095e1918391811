"""A direct linear solve."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from .linear_solver import LinearSolution, checked, normalized


@configuration
class Dense:
    """Build the matrix column by column and solve by LU factorisation.

    Memory grows with the square and time with the cube of the unknowns: for references and small signals.
    """

    def solve_linear(self, matvec: Callable[[Array], Array], rhs: Float[Array, "*shape"]) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        unit, norm = normalized(rhs)
        basis = jnp.eye(rhs.size, dtype=rhs.dtype).reshape(rhs.size, *rhs.shape)
        # The operator is symmetric: its columns, stacked as rows, are the matrix.
        matrix = jax.vmap(matvec)(basis).reshape(rhs.size, rhs.size)
        value = jnp.linalg.solve(matrix, unit.ravel()).reshape(rhs.shape)
        return checked(matvec, unit, value, norm, jnp.ones((), jnp.int32))
