"""The generalised minimal residual method, lineax's."""

import functools

import lineax
from jaxtyping import Array, Float

from ...problems.values.configuration import configuration
from .krylov import Tolerance, require_limits, solve_with_lineax
from .linear_solver import LinearSolution, Matvec
from .linear_solver_traits import LinearSolverTraits


@configuration
class Gmres:
    """Solve any invertible system by minimising the residual over a Krylov space, with restarts.

    Keeps `restart` vectors; a restart can stall where the spectrum surrounds zero. What it counts as a step
    is a cycle of up to `restart` products.
    Source: Saad and Schultz, 1986.

    Args:
        max_steps: cycles at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.
        restart: vectors that are kept before the space is begun anew.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    max_steps: int = 1000
    tolerance: Tolerance = 1e-10
    restart: int = 50
    traits = LinearSolverTraits()

    def __post_init__(self) -> None:
        require_limits(self.max_steps, self.tolerance)
        if self.restart < 1:
            raise ValueError(f"restart must be at least 1; got {self.restart}")

    def solve_linear(
        self,
        matvec: Matvec,
        rhs: Float[Array, "*shape"],
        *,
        start: Float[Array, "*shape"] | None = None,
        preconditioner: Matvec | None = None,
    ) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        method = functools.partial(lineax.GMRES, max_steps=self.max_steps, restart=self.restart)
        return solve_with_lineax(method, matvec, rhs, self.tolerance, start, preconditioner)
