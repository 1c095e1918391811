"""Correlations of images with several channels, kept at their size by a border of zeros."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from .correlation import correlate_channels, spread_channels


def correlate_within(filters: Float[Array, "k c s s"], x: Float[Array, "c h w"]) -> Float[Array, "k h w"]:
    """Correlate: y[k, i, j] = sum_cab filters[k, c, a, b] x[c, i + a - s // 2, j + b - s // 2], s odd.

    Zero beyond the border; `correlation.correlate` says in which form.
    """
    margin = filters.shape[-1] // 2
    return correlate_channels(filters, jnp.pad(x, ((0, 0), (margin, margin), (margin, margin))))


def spread_within(filters: Float[Array, "k c s s"], r: Float[Array, "k h w"]) -> Float[Array, "c h w"]:
    """Transpose `correlate_within`: spread, and drop what falls beyond the border."""
    margin = filters.shape[-1] // 2
    height, width = r.shape[1:]
    return spread_channels(filters, r)[:, margin : margin + height, margin : margin + width]
