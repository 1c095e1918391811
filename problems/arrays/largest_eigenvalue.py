"""The largest eigenvalue of a symmetric operator from a few products with it."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .euclidean_norm import euclidean_norm
from .mesh_axes import differing_as, types_tell_devices_apart

Carry = tuple[Float[Array, "*shape"], Float[Array, "*shape"], Float[Array, ""]]
Symmetric = Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]

STEPS = 30
SHORTFALL = 0.15


def largest_eigenvalue(operator: Symmetric, like: Float[Array, "*shape"]) -> Float[Array, ""]:
    """Bound the largest eigenvalue of a positive semidefinite operator by 30 Lanczos steps.

    The largest Ritz value lies below the eigenvalue, by more than 15% only with a probability of
    1.648 sqrt(n) exp(-sqrt(0.15) 59) over random starts: 5e-8 for n = 65,536 unknowns. Divided by 0.85 it is
    a bound, at most 18% above the truth. The start is always the same.
    Source: Kuczynski and Wozniakowski, 1992, theorem 4.2.

    Args:
        operator: symmetric and positive semidefinite, on arrays like `like`.
        like: shape and dtype.
    """
    return jnp.max(ritz_values(operator, like, STEPS)) / (1 - SHORTFALL)


def ritz_values(operator: Symmetric, like: Float[Array, "*shape"], steps: int) -> Float[Array, " steps"]:
    """Approximate eigenvalues of a symmetric operator by Lanczos steps from a random start, always the same.

    All lie between the smallest and the largest eigenvalue, up to rounding, and those at the ends tend to
    them first. Where the Krylov space is exhausted, zeros follow.
    Source: Golub and Van Loan, 2013, section 10.1.

    Args:
        operator: symmetric, on arrays like `like`.
        like: shape and dtype.
        steps: how many products are made.
    """
    start = jnp.asarray(np.random.default_rng(9).normal(size=like.shape), like.dtype)

    def advance(carry: Carry, _: None) -> tuple[Carry, tuple[Array, Array]]:
        before, direction, coupling = carry
        image = operator(direction)
        diagonal = jnp.sum(image * direction)
        rest = image - diagonal * direction - coupling * before
        size = euclidean_norm(rest)
        return (direction, _over(rest, size), size), (diagonal, size)

    carry = (jnp.zeros_like(start), _over(start, euclidean_norm(start)), jnp.zeros((), like.dtype))
    if types_tell_devices_apart():
        carry = differing_as(carry, operator(start))
    _, (diagonals, couplings) = jax.lax.scan(advance, carry, length=steps)
    beside = jnp.diag(couplings[:-1], 1)
    return jnp.linalg.eigvalsh(jnp.diag(diagonals) + beside + beside.T)


def _over(x: Array, size: Array) -> Array:
    """Divide, or return zero where the Krylov space is exhausted."""
    return jnp.where(size > 0, x / jnp.where(size > 0, size, jnp.ones_like(size)), jnp.zeros_like(x))
