"""The Euclidean norm of an array of any shape."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .safe_root import safe_root


def euclidean_norm(x: Float[Array, "..."]) -> Float[Array, ""]:
    """Return ||x||, in whatever unit x is, with the derivative 0 at zero.

    The squares of 1e-23 are zero in float32, and a solve in such a unit would pass for solved.
    """
    return _norm(x)


def unit_of(x: Float[Array, "..."]) -> Float[Array, ""]:
    """Return the largest |x_i|, in which squares neither underflow nor overflow; one for zeros.

    A constant to differentiation. One as well where x is not finite, so that a norm of it is not either.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), initial=0))
    return jnp.where((largest > 0) & jnp.isfinite(largest), largest, jnp.ones_like(largest))


@jax.jit  # a program asks for dozens of norms: traced once a shape
def _norm(x: Float[Array, "..."]) -> Float[Array, ""]:
    unit = unit_of(x)
    return unit * safe_root(jnp.sum(jnp.square(x / unit)))
