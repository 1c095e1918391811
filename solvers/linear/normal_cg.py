"""Conjugate gradients on the normal equations."""

import functools

import jax
import lineax
from jaxtyping import Array, Float

from ...problems.values.configuration import configuration
from .krylov import Tolerance, reachable, require_limits, solve_with_lineax
from .linear_solver import LinearSolution, Matvec, checked, normalized
from .linear_solver_traits import LinearSolverTraits


@configuration
class NormalCg:
    """Solve any system by conjugate gradients on  H^T H v = H^T rhs  (CGNR); least squares if inconsistent.

    Robust where H is neither symmetric nor positive, and slow where it is badly conditioned: the condition
    number is squared. The transpose comes from `jax.linear_transpose`. A preconditioner M of H is used as
    M M^T. Source: Hestenes and Stiefel, 1952, section 10.

    Args:
        max_steps: iterations at most.
        tolerance: of the residual of the normal equations, relative; never asked below ten times the dtype's
            precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    max_steps: int = 2000
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
        unit, norm = normalized(rhs)
        back = _transpose(matvec, unit)
        found = solve_with_lineax(
            functools.partial(lineax.CG, max_steps=self.max_steps),
            lambda v: back(matvec(v)),
            back(unit),
            self.tolerance,
            None if start is None else start / norm,
            None if preconditioner is None else _squared(preconditioner, unit),
            lineax.positive_semidefinite_tag,
        )
        tolerance = reachable(self.tolerance, rhs.dtype)
        return checked(matvec, unit, found.value, norm, found.steps, tolerance)


def _transpose(matvec: Matvec, like: Float[Array, "..."]) -> Matvec:
    transposed = jax.linear_transpose(matvec, like)
    return lambda v: transposed(v)[0]


def _squared(preconditioner: Matvec, like: Float[Array, "..."]) -> Matvec:
    across = _transpose(preconditioner, like)
    return lambda v: preconditioner(across(v))
