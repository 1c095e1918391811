"""Correlations of images with several channels, kept at their size by a border of zeros."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


def correlate_channels(filters: Float[Array, "k c s s"], x: Float[Array, "c h w"]) -> Float[Array, "k h w"]:
    """Correlate: y[k, i, j] = sum_cab filters[k, c, a, b] x[c, i + a - s // 2, j + b - s // 2], s odd.

    Zero beyond the border. On the CPU a product with the matrix of patches, which is ten times and more
    faster there than XLA's convolution inside loops, for s^2 copies of the image; elsewhere a convolution.
    """
    return lax.platform_dependent(filters, x, cpu=_by_product, default=_by_convolution)


def spread_channels(filters: Float[Array, "k c s s"], r: Float[Array, "k h w"]) -> Float[Array, "c h w"]:
    """Transpose `correlate_channels`: x[c, i, j] is the sum of what filters[:, c] put there.

    The transpose multiplies first and then adds shifted images, which many responses and few channels make
    cheaper than a correlation with turned filters.
    """
    image = jax.ShapeDtypeStruct((filters.shape[1], *r.shape[1:]), r.dtype)
    return jax.linear_transpose(lambda x: correlate_channels(filters, x), image)(r)[0]


def _by_product(filters: Array, x: Array) -> Array:
    count, channels, size, _ = filters.shape
    margin, (height, width) = size // 2, x.shape[1:]
    padded = jnp.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    shifts = jnp.arange(size)
    # Mapped slices are one operation each, which compiles ten times faster than a stack of s^2 of them.
    rows = jax.vmap(lambda a: lax.dynamic_slice_in_dim(padded, a, height, 1))(shifts)
    patches = jax.vmap(lambda b: lax.dynamic_slice_in_dim(rows, b, width, 3))(shifts)
    matrix = filters.transpose(0, 3, 2, 1).reshape(count, -1)
    product = jnp.matmul(matrix, patches.reshape(size * size * channels, -1), precision=lax.Precision.HIGHEST)
    return product.reshape(count, height, width)


def _by_convolution(filters: Array, x: Array) -> Array:
    margin = filters.shape[-1] // 2
    return lax.conv_general_dilated(
        x[None], filters, (1, 1), [(margin, margin)] * 2, precision=lax.Precision.HIGHEST
    )[0]
