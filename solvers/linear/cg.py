"""Conjugate gradients."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ...problems.values.configuration import configuration
from .krylov import Tolerance, reachable, require_limits
from .linear_solver import LinearSolution, Matvec, checked, normalized, unchanged
from .linear_solver_traits import LinearSolverTraits

ROUNDS = 3
"""Updated residuals drift from the true one: where that is still too large, the iteration begins again."""


class _Iterate(NamedTuple):
    """The solution so far, what it leaves of the right-hand side, and where the next step goes.

    Attributes:
        x: the solution so far.
        left: rhs - H x, updated.
        direction: of the next step.
        size: <left, P left>.
        steps: made.
        going: whether the last step could be made.
    """

    x: Float[Array, "..."]
    left: Float[Array, "..."]
    direction: Float[Array, "..."]
    size: Float[Array, ""]
    steps: Int[Array, ""]
    going: Bool[Array, ""]


@configuration
class Cg:
    """Solve a symmetric positive (semi)definite system with conjugate gradients.

    Matrix-free. A direction in which the system is not positive, or a step that is no number, ends it at the
    iterate before: on an indefinite system, such as a nonconvex energy's away from a minimiser, or on one
    that is singular to working precision, the residual tells that the solution was not reached. `Minres`
    solves those. Source: Hestenes and Stiefel, 1952; preconditioned as in Nocedal and Wright, 2006,
    algorithm 5.3.

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    max_steps: int = 1000
    tolerance: Tolerance = 1e-10
    traits = LinearSolverTraits(symmetric_only=True)

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
        precondition = preconditioner or unchanged

        def begun(x: Array, steps: Array) -> _Iterate:
            left = unit - matvec(x)
            direction = precondition(left)
            return _Iterate(x, left, direction, jnp.sum(left * direction), steps, jnp.ones((), bool))

        def running(now: _Iterate) -> Array:
            far = jnp.sum(jnp.square(now.left)) > tolerance**2
            return now.going & far & (now.steps < self.max_steps)

        def unsolved(carry: tuple[_Iterate, Array]) -> Array:
            return running(carry[0]) & (carry[1] < ROUNDS)

        def again(carry: tuple[_Iterate, Array]) -> tuple[_Iterate, Array]:
            found = jax.lax.while_loop(running, lambda now: _advance(matvec, precondition, now), carry[0])
            return begun(found.x, found.steps)._replace(going=found.going), carry[1] + 1

        zero = jnp.zeros((), jnp.int32)
        first = begun(jnp.zeros_like(unit) if start is None else start / norm, zero)
        found, _ = jax.lax.while_loop(unsolved, again, differing_as((first, zero), first))
        return checked(matvec, unit, found.x, norm, found.steps, tolerance)


def _advance(matvec: Matvec, precondition: Matvec, now: _Iterate) -> _Iterate:
    image = matvec(now.direction)
    curvature = jnp.sum(now.direction * image)
    length = now.size / jnp.where(curvature > 0, curvature, jnp.ones_like(curvature))
    x = now.x + length * now.direction
    left = now.left - length * image
    corrected = precondition(left)
    size = jnp.sum(left * corrected)
    # NaN compares false.
    good = (curvature > 0) & (size >= 0) & jnp.isfinite(size)
    direction = corrected + size / jnp.where(now.size > 0, now.size, jnp.ones_like(size)) * now.direction
    moved = _Iterate(x, left, direction, size, now.steps + 1, good)
    stopped = now._replace(going=good)
    return jax.tree.map(lambda new, old: jnp.where(good, new, old), moved, stopped)
