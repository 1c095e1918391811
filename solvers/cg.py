"""Conjugate gradients, lineax's."""

import functools
from typing import ClassVar

import lineax
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from .krylov import Tolerance, require_limits, solve_with_lineax
from .linear_solver import LinearSolution, Matvec


@configuration
class Cg:
    """Solve a symmetric positive (semi)definite system with conjugate gradients.

    Matrix-free; wrong, without a warning but with a large residual, for indefinite systems, as a nonconvex
    energy has away from a minimiser. Source: Hestenes and Stiefel, 1952.

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is negative.
    """

    max_steps: int = 1000
    tolerance: Tolerance = 1e-10
    symmetric_only: ClassVar[bool] = True

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
        method = functools.partial(lineax.CG, max_steps=self.max_steps)
        positive = lineax.positive_semidefinite_tag
        return solve_with_lineax(method, matvec, rhs, self.tolerance, start, preconditioner, positive)
