"""A direct linear solve."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.mesh_axes import differing_as
from ...problems.values.configuration import configuration
from .linear_solver import LinearSolution, Matvec, checked, normalized
from .linear_solver_traits import LinearSolverTraits


@configuration
class Dense:
    """Build the matrix column by column and solve by LU factorisation.

    Memory grows with the square and time with the cube of the unknowns: for references and small signals.
    """

    traits = LinearSolverTraits()

    def solve_linear(
        self,
        matvec: Matvec,
        rhs: Float[Array, "*shape"],
        *,
        start: Float[Array, "*shape"] | None = None,
        preconditioner: Matvec | None = None,
    ) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        del start, preconditioner
        unit, norm = normalized(rhs)
        basis = differing_as(jnp.eye(rhs.size, dtype=rhs.dtype), rhs).reshape(rhs.size, *rhs.shape)
        # The operator's columns, stacked as rows.
        matrix = jax.vmap(matvec)(basis).reshape(rhs.size, rhs.size).T
        value = jnp.linalg.solve(matrix, unit.ravel()).reshape(rhs.shape)
        return checked(matvec, unit, value, norm, jnp.ones((), jnp.int32), tolerance=0.0)
