"""Tiles of a batch of images, small enough that what a tile is blown up to stays in cache."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

TILE_BYTES = 2**21
"""What the patches of one tile may take: a part of the cache that a processor's cores share."""

Index = Int[Array, ""] | int


class Tiles(NamedTuple):
    """A batch of images as tiles of some images, or of some rows of one image, all of one size.

    Attributes:
        images: of a tile; they divide the batch.
        rows: of a tile; they need not divide the rows of an image.
        number: of images.
        height: rows of an image.
    """

    images: int
    rows: int
    number: int
    height: int

    @property
    def per_image(self) -> int:
        """Return the tiles of one image."""
        return -(-self.height // self.rows)

    @property
    def total(self) -> int:
        """Return the tiles of the batch."""
        return self.number // self.images * self.per_image

    def start(self, tile: Index) -> tuple[Index, Index]:
        """Return the first image and the first row of a tile."""
        return tile // self.per_image * self.images, tile % self.per_image * self.rows

    def write(
        self, part: Callable[[Index, Index], Float[Array, "m c r w"]], canvas: Float[Array, "n c h w"]
    ) -> Float[Array, "n c h w"]:
        """Write every tile's part into the canvas; the last tile of an image moves up to end with it."""

        def one(tile: Index, canvas: Float[Array, "n c h w"]) -> Float[Array, "n c h w"]:
            image, row = self.start(tile)
            row = jnp.minimum(row, self.height - self.rows)
            return lax.dynamic_update_slice(canvas, part(image, row), (image, 0, row, 0))

        return lax.fori_loop(0, self.total, one, canvas)

    def add(
        self, part: Callable[[Index, Index], Float[Array, "*shape"]], total: Float[Array, "*shape"]
    ) -> Float[Array, "*shape"]:
        """Add every tile's part; the last tile of an image goes on beyond it."""

        def one(tile: Index, total: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
            return total + part(*self.start(tile))

        return lax.fori_loop(0, self.total, one, total)


def cut(number: int, height: int, row_bytes: int) -> Tiles:
    """Cut `number` images of `height` rows into tiles of at most `TILE_BYTES`, one row at least.

    Into two tiles at least where there are two rows: XLA unrolls a loop of one, and then fuses the border of
    an image into the patches, which ask for it s^2 times.
    """
    rows = max(1, TILE_BYTES // row_bytes)
    if number == 1 or rows < height:
        tiles = max(-(-height // rows), 2 if number == 1 else 1)
        return Tiles(1, -(-height // tiles), number, height)
    largest = min(rows // height, number // 2)
    return Tiles(max(each for each in range(1, largest + 1) if number % each == 0), height, number, height)
