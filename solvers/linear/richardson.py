"""Fixed-point iteration of a linear system."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.values.configuration import configuration
from .krylov import Tolerance, reachable, require_limits
from .linear_solver import LinearSolution, Matvec, checked, normalized
from .linear_solver_traits import LinearSolverTraits


class _Iterate(NamedTuple):
    """The solution so far, what it leaves of the right-hand side, and steps made."""

    value: Float[Array, "..."]
    left: Float[Array, "..."]
    steps: Int[Array, ""]


@configuration
class Richardson:
    """Iterate  v <- v + (rhs - H v):  the fixed-point iteration of the adjoint where H = I - J^T.

    Converges if the spectral radius of I - H is below one, at that rate. With a preconditioner M the
    correction is M (rhs - H v). Source: Richardson, 1911.

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    max_steps: int = 10_000
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
        tolerance = reachable(self.tolerance, rhs.dtype)

        def running(now: _Iterate) -> Array:
            # NaN and infinity compare false or stop at the limit.
            return (jnp.sum(jnp.square(now.left)) > tolerance**2) & (now.steps < self.max_steps)

        def advance(now: _Iterate) -> _Iterate:
            value = now.value + (now.left if preconditioner is None else preconditioner(now.left))
            return _Iterate(value, unit - matvec(value), now.steps + 1)

        first = jnp.zeros_like(unit) if start is None else start / norm
        found = jax.lax.while_loop(
            running, advance, _Iterate(first, unit - matvec(first), jnp.zeros((), jnp.int32))
        )
        return checked(matvec, unit, found.value, norm, found.steps, tolerance)
