"""Correlations with small filters as matrix products: the forms for XLA's CPU backend."""

import functools
import operator

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

ROWS = 4
"""Rows of responses that one column of the patch matrix serves."""


def correlate_by_product(
    filters: Float[Array, "k s s"], x: Float[Array, "n H W"]
) -> Float[Array, "n k H-s+1 W-s+1"]:
    """Correlate every image with every filter: sum_ab filters[k, a, b] x[n, i + a, j + b].

    `ROWS` rows at once: the matrix of filters holds each one `ROWS` times, shifted by a row, and that of
    patches holds every `ROWS`-th row of the image (s + ROWS - 1) s times: fewer copies of the image than the
    s^2 of one row at a time, for as many more multiplications. Channels stay in front, so that no response is
    transposed pixel by pixel.
    """
    count, size, _ = filters.shape
    number, height, width = x.shape[0], x.shape[1] - size + 1, x.shape[2] - size + 1
    blocks = -(-height // ROWS)
    taps = ROWS + size - 1
    shifted = [jnp.pad(filters, ((0, 0), (row, ROWS - 1 - row), (0, 0))) for row in range(ROWS)]
    matrix = jnp.stack(shifted, 1).reshape(count * ROWS, taps * size)
    responses = _per_image(matrix, _patches(x, (taps, size), ROWS))
    responses = responses.reshape(number, count, ROWS, blocks, width).swapaxes(2, 3)
    return responses.reshape(number, count, blocks * ROWS, width)[:, :, :height]


def gather_by_product(
    filters: Float[Array, "k s s"], r: Float[Array, "n k H W"]
) -> Float[Array, "n H-s+1 W-s+1"]:
    """Correlate channel k with filter k and add: sum_kab filters[k, a, b] r[n, k, i + a, j + b].

    The product comes first, one image per entry of a filter, and the s^2 images are added shifted. The
    caller's padding gives the shifts room: they are slices, and a sum of slices is one vectorised loop.
    """
    count, size, _ = filters.shape
    number, _, height, width = r.shape
    parts = _per_image(filters.reshape(count, size * size).T, r.reshape(number, count, height * width))
    parts = parts.reshape(number, size, size, height, width)
    out_height, out_width = height - size + 1, width - size + 1
    rows = functools.reduce(operator.add, [parts[:, :, b, :, b : b + out_width] for b in range(size)])
    return functools.reduce(operator.add, [rows[:, a, a : a + out_height] for a in range(size)])


def filter_gradient_by_product(
    r: Float[Array, "n k h w"], x: Float[Array, "n H W"]
) -> Float[Array, "k H-h+1 W-w+1"]:
    """Correlate responses with images: sum_nij r[n, k, i, j] x[n, i + a, j + b]."""
    number, count, height, width = r.shape
    size = x.shape[1] - height + 1
    products = lax.dot_general(
        r.reshape(number, count, height * width),
        _patches(x, (size, size), 1),
        (((2,), (2,)), ((0,), (0,))),
        precision=lax.Precision.HIGHEST,
    )
    return jnp.sum(products, axis=0).reshape(count, size, size)


def _patches(x: Float[Array, "n H W"], window: tuple[int, int], step: int) -> Float[Array, "n p c"]:
    """Return a row a window's entry and a column a place of the window, which moves `step` rows at a time.

    Where the last window leaves the image, its last row is repeated. The rows are indexed and the columns
    stacked: to stack both takes longer to compile, to index both longer to run.
    """
    taps, size = window
    width = x.shape[2] - size + 1
    starts = np.arange(0, x.shape[1] - (taps - step), step)
    index = np.minimum(np.arange(taps)[:, None] + starts, x.shape[1] - 1).astype(np.int32)
    rows = x.at[:, index].get(mode="promise_in_bounds")
    patches = jnp.stack([rows[..., b : b + width] for b in range(size)], 2)
    return patches.reshape(x.shape[0], taps * size, len(starts) * width)


def _per_image(matrix: Float[Array, "m c"], columns: Float[Array, "n c p"]) -> Float[Array, "n m p"]:
    # A matrix that is shared by the batch would put its rows before the batch, and a transpose behind it.
    shared = jnp.broadcast_to(matrix, (columns.shape[0], *matrix.shape))
    return lax.dot_general(shared, columns, (((2,), (1,)), ((0,), (0,))), precision=lax.Precision.HIGHEST)
