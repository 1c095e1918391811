"""Correlations with small filters as matrix products, tile by tile: the forms for XLA's CPU backend.

Each tile's patches are made, multiplied and dropped while they are in cache, whatever the number of images.
Rows are kept flat: a shift by (a, b) is one by a W + b along rows of W entries, so that every row of a patch
matrix is one contiguous piece, and what the shift brings in from the next row lies in columns that are
dropped or meets zeros. Zeros are put around whole arrays of four axes: XLA fuses a border of a flattened
array into a loop that asks for every entry where it lies, at ten times the cost.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .correlation_tiles import Index, cut

BLOCK_BYTES = 2**23
"""What the copy with a border of some responses may take."""


def correlate_by_product(
    filters: Float[Array, "k c s s"], x: Float[Array, "n c H W"]
) -> Float[Array, "n k H-s+1 W-s+1"]:
    """Correlate every image with every filter: sum_cab filters[k, c, a, b] x[n, c, i + a, j + b]."""
    count, channels, size, _ = filters.shape
    number, _, height, width = x.shape
    tiles = cut(number, height - size + 1, size * size * channels * width * x.dtype.itemsize)
    matrix = filters.transpose(0, 2, 3, 1).reshape(count, -1)
    lengthened = jnp.pad(x, ((0, 0), (0, 0), (0, 1), (0, 0)))

    def responses(image: Index, row: Index) -> Float[Array, "m k r w"]:
        window = _rows(lengthened, (image, row), (tiles.images, tiles.rows + size))
        product = _per_image(matrix, _patches(window, size, width))
        return product.reshape(tiles.images, count, tiles.rows, width)[..., : width - size + 1]

    canvas = jnp.zeros_like(x, shape=(number, count, height - size + 1, width - size + 1))
    return tiles.write(responses, canvas)


def spread_by_product(
    filters: Float[Array, "k c s s"], r: Float[Array, "n k h w"]
) -> Float[Array, "n c h+s-1 w+s-1"]:
    """Put the filters in every response's place: x[n,c,i+a,j+b] = sum_kab filters[k,c,a,b] r[n,k,i,j].

    In blocks of responses, whose copies with a border are small enough to be kept from call to call: what is
    larger is handed out as fresh pages, which cost more than the arithmetic.
    """
    number, count, height, width = r.shape
    channels, size = filters.shape[1:3]
    wide = width + size - 1
    images, rows = _block(number, height, count * wide * r.dtype.itemsize)
    across = height // rows

    def add(block: Index, canvas: Float[Array, "n c H W"]) -> Float[Array, "n c H W"]:
        at = (block // across * images, 0, block % across * rows, 0)
        spread = _spread_block(filters, lax.dynamic_slice(r, at, (images, count, rows, width)))
        before = lax.dynamic_slice(canvas, at, spread.shape)
        return lax.dynamic_update_slice(canvas, before + spread, at)

    blocks = number // images * across
    if blocks == 1:
        return _spread_block(filters, r)
    canvas = jnp.zeros_like(r, shape=(number, channels, height + size - 1, wide))
    return lax.fori_loop(0, blocks, add, canvas)


def filter_gradient_by_product(
    r: Float[Array, "n k h w"], x: Float[Array, "n c H W"]
) -> Float[Array, "k c H-h+1 W-w+1"]:
    """Correlate responses with images: sum_nij r[n, k, i, j] x[n, c, i + a, j + b]."""
    number, count, height, _ = r.shape
    channels, width = x.shape[1], x.shape[3]
    size = x.shape[2] - height + 1
    tiles = cut(number, height, size * size * channels * width * x.dtype.itemsize)
    beyond = tiles.per_image * tiles.rows - height
    lengthened = jnp.pad(x, ((0, 0), (0, 0), (0, beyond + 1), (0, 0)))
    bordered = jnp.pad(r, ((0, 0), (0, 0), (0, beyond), (0, size - 1)))

    def products(image: Index, row: Index) -> Float[Array, "k p"]:
        window = _rows(lengthened, (image, row), (tiles.images, tiles.rows + size))
        patches = _patches(window, size, width)
        responses = _rows(bordered, (image, row), (tiles.images, tiles.rows))
        by_image = lax.dot_general(
            responses, patches, (((2,), (2,)), ((0,), (0,))), precision=lax.Precision.HIGHEST
        )
        return jnp.sum(by_image, axis=0)

    total = tiles.add(products, jnp.zeros_like(x, shape=(count, size * size * channels)))
    return total.reshape(count, size, size, channels).transpose(0, 3, 1, 2)


def _block(number: int, height: int, row_bytes: int) -> tuple[int, int]:
    """Divide a batch into equal blocks of images, or of rows of one, that take at most `BLOCK_BYTES`."""
    rows = max(1, BLOCK_BYTES // row_bytes)
    if rows < height:
        divisors = [each for each in range(1, rows + 1) if height % each == 0]
        # Every block repeats a border's worth of rows: few rows at once would cost more than fresh pages.
        return 1, divisors[-1] if divisors[-1] >= rows / 4 else height
    return max(each for each in range(1, rows // height + 1) if number % each == 0), height


def _spread_block(
    filters: Float[Array, "k c s s"], r: Float[Array, "n k h w"]
) -> Float[Array, "n c h+s-1 w+s-1"]:
    """Multiply first, one image per entry of a filter, and add these s^2 images shifted.

    A tile reads the s - 1 rows before its own, so that none waits for another's sum.
    """
    count, channels, size, _ = filters.shape
    number, _, height, width = r.shape
    margin, wide = size - 1, width + size - 1
    tiles = cut(number, height + margin, size * size * channels * wide * r.dtype.itemsize)
    matrix = jnp.flip(filters, (2, 3)).transpose(2, 3, 1, 0).reshape(-1, count)
    bordered = jnp.pad(r, ((0, 0), (0, 0), (margin, size), (margin, 0)))

    def images(image: Index, row: Index) -> Float[Array, "m c r w"]:
        window = _rows(bordered, (image, row), (tiles.images, tiles.rows + size))
        parts = _per_image(matrix, window).reshape(tiles.images, size, size, channels, -1)
        reach = tiles.rows * wide
        along = [parts[:, :, b, :, b : b + reach + margin * wide] for b in range(size)]
        rows = functools.reduce(operator.add, along)
        shifted = [rows[:, a, :, a * wide : a * wide + reach] for a in range(size)]
        return functools.reduce(operator.add, shifted).reshape(tiles.images, channels, tiles.rows, wide)

    return tiles.write(images, jnp.zeros_like(r, shape=(number, channels, height + margin, wide)))


def _rows(
    x: Float[Array, "n c h w"], start: tuple[Index, Index], shape: tuple[int, int]
) -> Float[Array, "m c r"]:
    """Cut some rows of some images out, and lay each channel's rows one after the other."""
    images, rows = shape
    _, channels, _, width = x.shape
    window = lax.dynamic_slice(x, (start[0], 0, start[1], 0), (images, channels, rows, width))
    return window.reshape(images, channels, rows * width)


def _patches(window: Float[Array, "m c r"], size: int, width: int) -> Float[Array, "m p q"]:
    """Return one row per entry of a filter and channel, all entries of a window but its last `size` rows."""
    reach = window.shape[2] - size * width
    entries = jnp.arange(size * size, dtype=jnp.int32)
    offsets = entries // size * width + entries % size
    # Mapped slices are one operation, which compiles ten times faster than a stack of s^2 of them.
    shifted = jax.vmap(lambda at: lax.dynamic_slice_in_dim(window, at, reach, 2), out_axes=1)(offsets)
    return shifted.reshape(window.shape[0], -1, reach)


def _per_image(matrix: Float[Array, "m c"], columns: Float[Array, "n c p"]) -> Float[Array, "n m p"]:
    # A matrix that is shared by the batch would put its rows before the batch, and a transpose behind it.
    shared = jnp.broadcast_to(matrix, (columns.shape[0], *matrix.shape))
    return lax.dot_general(shared, columns, (((2,), (1,)), ((0,), (0,))), precision=lax.Precision.HIGHEST)
