"""The stabilised biconjugate gradient method, lineax's."""

import functools

import lineax
from jaxtyping import Array, Float

from ...problems.values.configuration import configuration
from .krylov import Tolerance, require_limits, solve_with_lineax
from .linear_solver import LinearSolution, Matvec
from .linear_solver_traits import LinearSolverTraits


@configuration
class BiCgStab:
    """Solve any invertible system with two products per step and a fixed number of vectors.

    Its residual is not monotone, and it can break down: the residual then says so.
    Source: van der Vorst, 1992.

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    max_steps: int = 1000
    tolerance: Tolerance = 1e-10
    traits = LinearSolverTraits()

    def __post_init__(self) -> None:
        require_limits(self.max_steps, self.tolerance)

    def solve_linear(
        self,
        matvec: Matvec,
        rhs: Float[Array, "*shape"],
        *,
        start: Float[Array, "*shape"] | None = None,
        preconditioner: Matvec | None = None,
    ) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        method = functools.partial(lineax.BiCGStab, max_steps=self.max_steps)
        return solve_with_lineax(method, matvec, rhs, self.tolerance, start, preconditioner)
