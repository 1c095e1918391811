"""Correlations with small filters as matrix products: the forms for XLA's CPU backend."""

import functools
import operator

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

ROWS = 4
"""Rows of responses that one column of the patch matrix serves."""
BLOCK_BYTES = 2**23
"""What the products of a block of rows may take before they are added up."""


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


def spread_by_product(
    filters: Float[Array, "k s s"], r: Float[Array, "n k h w"]
) -> Float[Array, "n h+s-1 w+s-1"]:
    """Put every response's filter in its place and add: x[n, i + a, j + b] = sum_kab F[k,a,b] r[n,k,i,j].

    The product comes first, one image per entry of a filter, and these s^2 images are added shifted. They are
    made for as many rows of the responses at once as `BLOCK_BYTES` hold: what is larger is handed to a call
    as fresh pages, which cost more than the arithmetic.
    """
    number, _, height, width = r.shape
    size = filters.shape[1]
    row_bytes = size * size * width * r.dtype.itemsize
    if number * height * row_bytes <= BLOCK_BYTES:
        return _spread_block(filters, r)
    blocks = min(height, -(-height * row_bytes // BLOCK_BYTES))
    rows = -(-height // blocks)
    full, rest = divmod(height, rows)

    def add(
        image: Int[Array, ""] | int, start: Int[Array, ""] | int, rows: int, canvas: Float[Array, "n H W"]
    ) -> Float[Array, "n H W"]:
        block = lax.dynamic_slice(r, (image, 0, start, 0), (1, r.shape[1], rows, width))
        touched = (1, rows + size - 1, width + size - 1)
        before = lax.dynamic_slice(canvas, (image, start, 0), touched)
        return lax.dynamic_update_slice(canvas, before + _spread_block(filters, block), (image, start, 0))

    def add_full(index: Int[Array, ""] | int, canvas: Float[Array, "n H W"]) -> Float[Array, "n H W"]:
        return add(index // full, index % full * rows, rows, canvas)

    def add_rest(image: Int[Array, ""] | int, canvas: Float[Array, "n H W"]) -> Float[Array, "n H W"]:
        return add(image, full * rows, rest, canvas)

    canvas = jnp.zeros((number, height + size - 1, width + size - 1), r.dtype)
    canvas = lax.fori_loop(0, number * full, add_full, canvas)
    return lax.fori_loop(0, number, add_rest, canvas) if rest else canvas


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


def _spread_block(filters: Float[Array, "k s s"], r: Float[Array, "n k h w"]) -> Array:
    count, size, _ = filters.shape
    number, _, height, width = r.shape
    parts = _per_image(filters.reshape(count, size * size).T, r.reshape(number, count, height * width))
    parts = parts.reshape(number, size, size, height, width)
    rows = [_shifted(parts[:, :, b], b, size, axis=3) for b in range(size)]
    images = functools.reduce(operator.add, rows)
    return functools.reduce(operator.add, [_shifted(images[:, a], a, size, axis=1) for a in range(size)])


def _shifted(parts: Float[Array, "..."], by: int, size: int, axis: int) -> Array:
    """Make room for every shift below `size` along an axis, and shift."""
    room = [(0, 0)] * parts.ndim
    room[axis] = (by, size - 1 - by)
    return jnp.pad(parts, room)


def _patches(x: Float[Array, "n H W"], window: tuple[int, int], step: int) -> Float[Array, "n p c"]:
    """Return one row per entry of a window and one column per place of it; it moves by `step` rows.

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
