"""The minimum residual method."""

from typing import ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..problems.configuration import configuration
from .krylov import Tolerance, reachable, require_limits
from .linear_solver import LinearSolution, Matvec, checked, normalized


class _Iterate(NamedTuple):
    """The solution so far, two Lanczos vectors, two directions, and the scalars of the last rotations."""

    x: Float[Array, "..."]
    vector: Float[Array, "..."]
    previous: Float[Array, "..."]
    direction: Float[Array, "..."]
    before: Float[Array, "..."]
    beta: Float[Array, ""]
    cosine: Float[Array, ""]
    sine: Float[Array, ""]
    delta: Float[Array, ""]
    epsilon: Float[Array, ""]
    residual: Float[Array, ""]
    steps: Int[Array, ""]


@configuration
class Minres:
    """Solve a symmetric system, indefinite or singular but consistent, by minimising the residual.

    Lanczos vectors, an updated QR factorisation of their tridiagonal matrix, one product and a fixed number
    of vectors a step; from zero it tends to the solution of least norm. For a positive definite system `Cg`
    is as fast and needs less memory. Source: Paige and Saunders, 1975, section 6; notation of Choi, 2006.

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is negative.
    """

    max_steps: int = 2000
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
        del start, preconditioner  # not yet used
        unit, norm = normalized(rhs)
        tolerance = reachable(self.tolerance, rhs.dtype)
        zero, nothing = jnp.zeros_like(unit), jnp.zeros((), rhs.dtype)
        size = jnp.sqrt(jnp.sum(jnp.square(unit)))
        start = _Iterate(
            zero, unit, zero, zero, zero, nothing, nothing - 1, nothing, nothing, nothing, size,
            jnp.zeros((), jnp.int32),
        )  # fmt: skip

        def running(now: _Iterate) -> Array:
            return (now.residual > tolerance) & (now.steps < self.max_steps)

        found = jax.lax.while_loop(running, lambda now: _advance(matvec, now), start)
        return checked(matvec, unit, found.x, norm, found.steps)


def _advance(matvec: Matvec, now: _Iterate) -> _Iterate:
    """Make one Lanczos step and rotate its column of the tridiagonal matrix into triangular form."""
    image = matvec(now.vector) - now.beta * now.previous
    alpha = jnp.sum(image * now.vector)
    image = image - alpha * now.vector
    beta = jnp.sqrt(jnp.sum(jnp.square(image)))
    # The previous rotation acts on this column first.
    second = now.cosine * now.delta + now.sine * alpha
    gamma = now.sine * now.delta - now.cosine * alpha
    epsilon, delta = now.sine * beta, -now.cosine * beta
    length = jnp.sqrt(jnp.square(gamma) + jnp.square(beta))
    # A column of rounding: the rest of the right-hand side is out of reach of a singular system.
    stuck = length <= 10 * jnp.finfo(length.dtype).eps * (jnp.abs(alpha) + now.beta + beta)
    safe = jnp.where(stuck, jnp.ones_like(length), length)
    cosine, sine = gamma / safe, beta / safe
    direction = (now.vector - second * now.direction - now.epsilon * now.before) / safe
    moved = now.x + cosine * now.residual * direction
    x = jnp.where(stuck, now.x, moved)
    residual = jnp.where(stuck, jnp.zeros_like(length), sine * now.residual)
    following = image / jnp.where(beta > 0, beta, jnp.ones_like(beta))
    return _Iterate(
        x, following, now.vector, direction, now.direction, beta, cosine, sine, delta, epsilon, residual,
        now.steps + 1,
    )  # fmt: skip
