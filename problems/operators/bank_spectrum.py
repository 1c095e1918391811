"""The largest response of a filter bank to any frequency, without a spectrum as large as the image."""

import jax
import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Float, Int

ROWS = 64
"""Rows of frequencies that are looked at together."""


def largest_power(filters: Float[Array, "k s s"], grid: tuple[int, int]) -> Float[Array, ""]:
    """Return max_uv sum_k |F_k[u, v]|^2,  F_k the discrete Fourier transform of a filter on the grid.

    That sum is  sum_de c[d, e] cos(2 pi (u d / H + v e / W)),  c the filters' autocorrelations added up, of
    2s - 1 entries a side: two small matrix products for some rows of frequencies at a time, whatever the
    grid's size. The same as by k transforms, to rounding.

    Args:
        filters: small beside the grid.
        grid: (H, W).
    """
    height, width = grid
    size = filters.shape[1]
    padded = jnp.pad(filters, [(0, 0), (size - 1, size - 1), (size - 1, size - 1)])
    apart = jnp.arange(2 * size - 1, dtype=jnp.int32)

    def correlation(d: Int[Array, ""], e: Int[Array, ""]) -> Float[Array, ""]:
        return jnp.sum(filters * jax.lax.dynamic_slice(padded, (jnp.zeros_like(d), d, e), filters.shape))

    together = jax.vmap(jax.vmap(correlation, (None, 0)), (0, None))(apart, apart)
    # The sum is even: half of the columns show all its values.
    columns = _angles(jnp.arange(width // 2 + 1, dtype=jnp.int32), size, width, filters.dtype)
    across = [_product(together, wave(columns).T) for wave in (jnp.cos, jnp.sin)]

    def largest(block: Int[Array, ""]) -> Float[Array, ""]:
        rows = _angles(block * ROWS + jnp.arange(ROWS, dtype=jnp.int32), size, height, filters.dtype)
        return jnp.max(_product(jnp.cos(rows), across[0]) - _product(jnp.sin(rows), across[1]))

    # Frequencies beyond the last are the first ones again.
    return jnp.max(jax.lax.map(largest, jnp.arange(-(-height // ROWS), dtype=jnp.int32)))


def _angles(frequencies: Int[Array, " n"], size: int, length: int, dtype: jnp.dtype) -> Float[Array, "n d"]:
    """Return 2 pi u d / length for shifts d below the size, reduced before it is rounded."""
    turns = frequencies[:, None] * jnp.arange(1 - size, size, dtype=jnp.int32)[None] % length
    return (2 * jnp.pi / length) * turns.astype(dtype)


def _product(left: Float[Array, "m d"], right: Float[Array, "d n"]) -> Float[Array, "m n"]:
    return jnp.matmul(left, right, precision=Precision.HIGHEST)
