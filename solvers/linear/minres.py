"""The minimum residual method."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ...problems.values.configuration import configuration
from .krylov import Tolerance, reachable, require_limits
from .linear_solver import LinearSolution, Matvec, checked, normalized, unchanged
from .linear_solver_traits import LinearSolverTraits


class _Iterate(NamedTuple):
    """The solution so far, Lanczos vectors, two directions, and the scalars of the last rotations.

    Attributes:
        x: the solution so far.
        left: what it leaves of the right-hand side.
        vector: Lanczos vector q_k.
        image: P q_k, of the preconditioner P; the Lanczos vectors are orthonormal in its inner product.
        previous: q_{k-1}.
        direction: of the last move of x.
        before: of the move before that.
        beta: off-diagonal entry of the tridiagonal matrix.
        cosine: of the last rotation.
        sine: of the last rotation.
        delta: entry that the last rotation left above the diagonal.
        epsilon: entry that it left two above the diagonal.
        phi: norm of `left` in the preconditioner's inner product.
        largest: column of the tridiagonal matrix so far, by the sum of its entries' sizes.
        steps: made.
    """

    x: Float[Array, "..."]
    left: Float[Array, "..."]
    vector: Float[Array, "..."]
    image: Float[Array, "..."]
    previous: Float[Array, "..."]
    direction: Float[Array, "..."]
    before: Float[Array, "..."]
    beta: Float[Array, ""]
    cosine: Float[Array, ""]
    sine: Float[Array, ""]
    delta: Float[Array, ""]
    epsilon: Float[Array, ""]
    phi: Float[Array, ""]
    largest: Float[Array, ""]
    steps: Int[Array, ""]


@configuration
class Minres:
    """Solve a symmetric system, indefinite or singular but consistent, by minimising the residual.

    Lanczos vectors, an updated QR factorisation of their tridiagonal matrix, one product and a fixed number
    of vectors per step; from zero it tends to the solution of least norm. For a positive definite system `Cg`
    is as fast and needs less memory. A preconditioner P must be symmetric positive definite, whatever H is;
    the residual r is then minimised in the norm sqrt(<r, P r>), and measured in the usual one.
    Source: Paige and Saunders, 1975, section 6; notation of Choi, 2006, table 3.4 (preconditioned).

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    max_steps: int = 2000
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
        first = jnp.zeros_like(unit) if start is None else start / norm
        left = unit if start is None else unit - matvec(first)

        def running(now: _Iterate) -> Array:
            return (jnp.sum(jnp.square(now.left)) > tolerance**2) & (now.steps < self.max_steps)

        def advance(now: _Iterate) -> _Iterate:
            return _advance(matvec, precondition, now)

        begun = _begin(precondition, first, left)
        found = jax.lax.while_loop(running, advance, differing_as(begun, begun))
        return checked(matvec, unit, found.x, norm, found.steps, tolerance)


def _begin(precondition: Matvec, x: Float[Array, "..."], left: Float[Array, "..."]) -> _Iterate:
    """Take what is left as the first Lanczos vector."""
    vector, image, phi = _lanczos_vector(precondition, left)
    zero, nothing = jnp.zeros_like(left), jnp.zeros((), left.dtype)
    return _Iterate(
        x=x,
        left=left,
        vector=vector,
        image=image,
        previous=zero,
        direction=zero,
        before=zero,
        beta=nothing,
        cosine=nothing - 1,
        sine=nothing,
        delta=nothing,
        epsilon=nothing,
        phi=phi,
        largest=nothing,
        steps=jnp.zeros((), jnp.int32),
    )


def _advance(matvec: Matvec, precondition: Matvec, now: _Iterate) -> _Iterate:
    """Make one Lanczos step and rotate its column of the tridiagonal matrix into triangular form."""
    product = matvec(now.image) - now.beta * now.previous
    alpha = jnp.sum(product * now.image)
    following, image, beta = _lanczos_vector(precondition, product - alpha * now.vector)
    # The previous rotation acts on this column first.
    second = now.cosine * now.delta + now.sine * alpha
    gamma = now.sine * now.delta - now.cosine * alpha
    epsilon, delta = now.sine * beta, -now.cosine * beta
    length = jnp.sqrt(jnp.square(gamma) + jnp.square(beta))
    # A column of rounding: the rest of the right-hand side is out of reach of a singular system.
    largest = jnp.maximum(now.largest, jnp.abs(alpha) + now.beta + beta)
    stuck = length <= 10 * jnp.finfo(length.dtype).eps * largest
    safe = jnp.where(stuck, jnp.ones_like(length), length)
    cosine, sine = gamma / safe, beta / safe
    direction = (now.image - second * now.direction - now.epsilon * now.before) / safe
    x = jnp.where(stuck, now.x, now.x + cosine * now.phi * direction)
    left = jnp.square(sine) * now.left - cosine * sine * now.phi * following
    left = jnp.where(stuck, jnp.zeros_like(left), left)
    return now._replace(
        x=x,
        left=left,
        vector=following,
        image=image,
        previous=now.vector,
        direction=direction,
        before=now.direction,
        beta=beta,
        cosine=cosine,
        sine=sine,
        delta=delta,
        epsilon=epsilon,
        phi=sine * now.phi,
        largest=largest,
        steps=now.steps + 1,
    )


def _lanczos_vector(precondition: Matvec, r: Float[Array, "..."]) -> tuple[Array, Array, Array]:
    """Return r / beta, P r / beta and beta = sqrt(<r, P r>); zeros stay zeros."""
    image = precondition(r)
    beta = jnp.sqrt(jnp.maximum(jnp.sum(r * image), jnp.zeros((), r.dtype)))
    safe = jnp.where(beta > 0, beta, jnp.ones_like(beta))
    return r / safe, image / safe, beta
