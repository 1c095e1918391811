"""The truncated Neumann series."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.values.configuration import configuration
from .linear_solver import LinearSolution, Matvec, checked, normalized
from .linear_solver_traits import LinearSolverTraits


@configuration
class Neumann:
    """Sum the first terms of the Neumann series  H^{-1} rhs = sum_j (I - H)^j rhs.

    Its error falls like rho^terms, with rho the spectral radius of I - H; it diverges where that is above
    one. A guess or a preconditioner has no place in it and is ignored.
    Source: Liao et al., 2018; Lorraine, Vicol and Duvenaud, 2020.

    Args:
        terms: how many are summed; 1 takes the right-hand side for the solution.

    Raises:
        ValueError: if `terms` is below 1.
    """

    terms: int = 10
    traits = LinearSolverTraits(exact=False)

    def __post_init__(self) -> None:
        if self.terms < 1:
            raise ValueError(f"terms must be at least 1; got {self.terms}")

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
        value = jax.lax.fori_loop(1, self.terms, lambda _, value: value + (unit - matvec(value)), unit)
        return checked(matvec, unit, value, norm, jnp.asarray(self.terms, jnp.int32), tolerance=None)
