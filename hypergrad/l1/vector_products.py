"""Products of one or many vectors with one matrix."""

import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Float


def vectors_times(
    x: Float[Array, "*systems rows"], matrix: Float[Array, "rows columns"]
) -> Float[Array, "*systems columns"]:
    """Return x @ matrix, of one vector as a matrix-vector product.

    A stack of one vector would be a matrix to XLA, and its product a slower one.
    """
    if x.size != matrix.shape[0]:
        return jnp.matmul(x, matrix, precision=Precision.HIGHEST)
    alone = jnp.matmul(x.reshape(-1), matrix, precision=Precision.HIGHEST)
    return alone.reshape(*x.shape[:-1], matrix.shape[1])
