"""Symmetric matrices on images whose entries couple nearby pixels only, as block-tridiagonal ones."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jax.scipy.linalg import cho_solve, cholesky, solve_triangular
from jaxtyping import Array, Float, Int


class FoldedRows(NamedTuple):
    """Number an image's pixels such that rows at most `reach` apart, circularly, lie in neighbouring blocks.

    Block j holds rows j r ... (j+1) r - 1 from the top and as many from the bottom, r the reach: the image is
    folded, so that its first and its last row come together.

    Attributes:
        shape: of the image, (h, w), h a multiple of 2 r.
        reach: r.
    """

    shape: tuple[int, ...]
    reach: int

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return self.shape[0] // (2 * self.reach)

    @property
    def size(self) -> int:
        """How many pixels a block has."""
        return 2 * self.reach * self.shape[1]

    def positions(self) -> Int[np.ndarray, " n"]:
        """Return the place of each pixel in the new order."""
        rows = np.arange(self.shape[0])
        depth = np.minimum(rows, self.shape[0] - 1 - rows)
        within = depth % self.reach + np.where(rows < self.shape[0] // 2, 0, self.reach)
        first = depth // self.reach * self.size + within * self.shape[1]
        return (first[:, None] + np.arange(self.shape[1])).ravel()


class BlockTridiagonal(NamedTuple):
    """A symmetric matrix: its diagonal blocks, and the blocks to the left of them (the first is not used)."""

    diagonal: Float[Array, "count size size"]
    left: Float[Array, "count size size"]


class BlockFactor(NamedTuple):
    """Its Cholesky factor, block bidiagonal, in the same layout."""

    diagonal: Float[Array, "count size size"]
    left: Float[Array, "count size size"]


def from_entries(
    folded: FoldedRows,
    rows: Int[np.ndarray, "..."],
    columns: Int[np.ndarray, "..."],
    values: Float[Array, "..."],
) -> BlockTridiagonal:
    """Add up entries (pixel, pixel, value) of a symmetric matrix; a pixel past the last is dropped."""
    size, count = folded.size, folded.blocks
    place = np.append(folded.positions(), -1)
    outside = math.prod(folded.shape)
    inside = (rows < outside) & (columns < outside)
    p, q = place[np.minimum(rows, outside)], place[np.minimum(columns, outside)]
    cells = count * size * size
    within = p % size * size + q % size
    on_diagonal = np.where(inside & (p // size == q // size), p // size * size * size + within, cells)
    to_left = np.where(inside & (p // size == q // size + 1), p // size * size * size + within, cells)

    def blocks(cell: np.ndarray) -> Array:
        kept = np.flatnonzero(cell < cells)
        flat = (
            jnp.zeros(cells, values.dtype)
            .at[jnp.asarray(cell.ravel()[kept])]
            .add(values.ravel()[jnp.asarray(kept)])
        )
        return flat.reshape(count, size, size)

    return BlockTridiagonal(blocks(on_diagonal), blocks(to_left))


def factorize(matrix: BlockTridiagonal) -> BlockFactor:
    """Factorise block by block: time and memory are those of count blocks."""

    def advance(above: Array, blocks: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        diagonal, left = blocks
        left = solve_triangular(above, left.T, lower=True).T
        here = cholesky(diagonal - jnp.matmul(left, left.T, precision=Precision.HIGHEST), lower=True)
        return here, (here, left)

    first = jnp.eye(matrix.diagonal.shape[-1], dtype=matrix.diagonal.dtype)
    nothing_left = matrix.left.at[0].set(0)
    return BlockFactor(*jax.lax.scan(advance, first, (matrix.diagonal, nothing_left))[1])


def solve_factored(folded: FoldedRows, factor: BlockFactor, rhs: Float[Array, " n"]) -> Float[Array, " n"]:
    """Solve with the factor, forth and back."""
    place = jnp.asarray(folded.positions())
    sorted_rhs = jnp.zeros_like(rhs).at[place].set(rhs).reshape(folded.blocks, folded.size)
    none = jnp.zeros_like(sorted_rhs[0])

    def forth(above: Array, blocks: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        diagonal, left, part = blocks
        here = solve_triangular(diagonal, part - left @ above, lower=True)
        return here, here

    _, half = jax.lax.scan(forth, none, (factor.diagonal, factor.left, sorted_rhs))

    def back(below: Array, blocks: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        diagonal, left, part = blocks
        here = solve_triangular(diagonal, part - below, trans="T", lower=True)
        return here @ left, here

    # What a block sends to the one above it is its left block, transposed, times its solution.
    _, solution = jax.lax.scan(back, none, (factor.diagonal, factor.left, half), reverse=True)
    return solution.ravel()[place]


def trace_of_inverse(factor: BlockFactor) -> Float[Array, ""]:
    """Return the trace of the inverse matrix from the diagonal blocks of the inverse, the last one first.

    Source: Takahashi, Fagan and Chin, 1973 (selected inversion).
    """
    identity = jnp.eye(factor.diagonal.shape[-1], dtype=factor.diagonal.dtype)

    def advance(below: Array, blocks: tuple[Array, Array]) -> tuple[Array, Array]:
        diagonal, left = blocks
        # below = C^T Z C with Z the inverse's next block and C the factor's block between the two.
        here = cho_solve((diagonal, True), identity)
        half = solve_triangular(diagonal, below, trans="T", lower=True)
        here = here + solve_triangular(diagonal, half.T, trans="T", lower=True)
        sent = jnp.matmul(
            left.T, jnp.matmul(here, left, precision=Precision.HIGHEST), precision=Precision.HIGHEST
        )
        return sent, jnp.trace(here)

    _, traces = jax.lax.scan(advance, jnp.zeros_like(identity), (factor.diagonal, factor.left), reverse=True)
    return jnp.sum(traces)
