"""Matrices A^T A + W^T diag(d) W of the size of x, stored and factorised as their structure allows."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import Precision
from jax.scipy.linalg import cho_solve, cholesky, solve_triangular
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.operators.blur import Blur
from ...problems.operators.dense import Dense
from ...problems.operators.masked_fourier import MaskedFourier
from ...problems.regularizer import GroupRegularizer
from ..analysis_l1_problem import penalty_of
from . import block_tridiagonal as blocks
from .block_tridiagonal import BlockFactor, BlockTridiagonal, FoldedRows
from .sparse_entries import (
    Entries,
    bank_of,
    data_entries,
    filter_bank_entries,
    impulse_response,
    reach_of,
)

LARGEST_DENSE = 4096
LARGEST_BLOCK = 1024
SMALLEST_FOLDED = 512
_CHUNK = 256

Matrix = Float[Array, "n n"] | BlockTridiagonal
Factor = Float[Array, "n n"] | BlockFactor


class Layout(NamedTuple):
    """How the matrices of a problem are stored: dense, or block-tridiagonal over folded image rows."""

    shape: tuple[int, ...]
    folded: FoldedRows | None

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return math.prod(self.shape)

    @property
    def fits(self) -> bool:
        """Tell whether a factorisation is affordable: 4096 unknowns dense, blocks of 1024."""
        return self.size <= LARGEST_DENSE if self.folded is None else self.folded.size <= LARGEST_BLOCK


def layout_of(lower: LowerLevel, shape: tuple[int, ...]) -> Layout:
    """Choose the layout for signals of this shape: blocks for more than 512 pixels that couple locally."""
    W = penalty_of(lower).W
    # The curvature of groups is built column by column.
    if isinstance(lower.regularizer, GroupRegularizer):
        return Layout(shape, None)
    reaches = [reach_of(lower.A, shape), reach_of(W, shape)]
    if None in reaches or math.prod(shape) <= SMALLEST_FOLDED:
        return Layout(shape, None)
    reach = max(reach for reach in reaches if reach is not None)
    # The folded halves need whole blocks; a somewhat larger reach than necessary may divide the height.
    fitting = [one for one in range(max(reach, 1), 2 * reach + 2) if shape[0] % (2 * one) == 0]
    if not fitting or shape[0] // (2 * fitting[0]) < 2:
        return Layout(shape, None)
    dense, folded = Layout(shape, None), Layout(shape, FoldedRows(shape, fitting[0]))
    # Few long rows make blocks that are too large, of a matrix that need not be.
    return dense if dense.fits and not folded.fits else folded


def data_matrix(lower: LowerLevel, layout: Layout) -> Matrix:
    """Return A^T A."""
    if layout.folded is not None:
        entries = data_entries(lower.A, layout.shape, lower.y.dtype)  # pyright: ignore[reportArgumentType]
        return blocks.from_entries(layout.folded, *entries)
    if isinstance(lower.A, Dense):
        return jnp.matmul(lower.A.matrix.T, lower.A.matrix, precision=Precision.HIGHEST)
    if isinstance(lower.A, Blur | MaskedFourier):
        return _circulant(impulse_response(lower.A, layout.shape, lower.y.dtype))
    return matrix_of(lambda v: lower.A.adjoint(lower.A(v)), layout, lower.y.dtype)


def matrix_of(product: Callable[[Array], Array], layout: Layout, dtype: Any) -> Float[Array, "n n"]:
    """Return the matrix of a symmetric map from signals to signals, row by row."""

    def row(unit: Array) -> Array:
        return product(unit.reshape(layout.shape)).ravel()

    return jax.lax.map(row, jnp.eye(layout.size, dtype=dtype), batch_size=min(_CHUNK, layout.size))


def rows_matrix(lower: LowerLevel, layout: Layout, weights: Float[Array, "..."]) -> Matrix:
    """Return W^T diag(weights) W, weights of the shape of W x."""
    W = penalty_of(lower).W
    bank = bank_of(W, layout.shape, weights.dtype)
    if bank is not None:
        entries = filter_bank_entries(bank, layout.shape, weights)
        if layout.folded is not None:
            return blocks.from_entries(layout.folded, *entries)
        return _dense_from_entries(layout.size, entries)
    if isinstance(W, Dense):
        return jnp.matmul(W.matrix.T, weights[:, None] * W.matrix, precision=Precision.HIGHEST)
    return matrix_of(lambda v: W.adjoint(weights * W(v)), layout, weights.dtype)


def combine(
    data: Matrix, scale: Float[Array, ""] | float, rows: Matrix, shift: Float[Array, ""] | float
) -> Matrix:
    """Return data + scale * rows + shift * identity."""
    total = jax.tree.map(lambda one, other: one + scale * other, data, rows)
    if isinstance(total, BlockTridiagonal):
        identity = jnp.eye(total.diagonal.shape[-1], dtype=total.diagonal.dtype)
        return total._replace(diagonal=total.diagonal + shift * identity[None])
    return total + shift * jnp.eye(len(total), dtype=total.dtype)


def factorize(matrix: Matrix) -> Factor:
    """Return the Cholesky factor; NaN where the matrix is not positive definite."""
    return blocks.factorize(matrix) if isinstance(matrix, BlockTridiagonal) else cholesky(matrix, lower=True)


def solve_factored(layout: Layout, factor: Factor, rhs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Solve with a factor for one right-hand side of the shape of x."""
    if isinstance(factor, BlockFactor):
        assert layout.folded is not None
        return blocks.solve_factored(layout.folded, factor, rhs.ravel()).reshape(rhs.shape)
    return cho_solve((factor, True), rhs.ravel()).reshape(rhs.shape)


def rank_of_rows(lower: LowerLevel, layout: Layout, active: Bool[Array, "..."]) -> Array:
    """Count the singular values of the active rows of W above 1e-6 ||W||.

    With G = W0^T W0 and a ridge e = 1e-12 ||W||^2 each eigenvalue g of G adds g / (g + e) to
    trace(G (G + e)^{-1}) = n - e trace((G + e)^{-1}).
    """
    squared = penalty_of(lower).W.squared_norm(layout.shape)
    ridge = 1e-12 * jnp.where(squared > 0, squared, jnp.ones_like(squared))
    gram = rows_matrix(lower, layout, active.astype(lower.y.dtype))
    factor = factorize(combine(gram, jnp.zeros_like(ridge), gram, ridge))
    if isinstance(factor, BlockFactor):
        trace = blocks.trace_of_inverse(factor)
    else:
        identity = jnp.eye(layout.size, dtype=factor.dtype)
        trace = jnp.sum(jnp.square(solve_triangular(factor, identity, lower=True)))
    return jnp.round(layout.size - ridge * trace).astype(jnp.int32)


def _circulant(response: Float[Array, "..."]) -> Float[Array, "n n"]:
    """Return the matrix whose column for a pixel is the response, moved there.

    Not built from transforms of unit impulses: XLA may ask a batch of them for a transposed layout, which its
    CPU backend does not have.
    """
    axes = tuple(range(response.ndim))

    def column(pixel: Array) -> Array:
        shift = jnp.stack(jnp.unravel_index(pixel, response.shape))
        return jnp.roll(response, shift, axes).ravel()

    return jax.lax.map(column, jnp.arange(response.size), batch_size=min(_CHUNK, response.size))


def _dense_from_entries(size: int, entries: Entries) -> Float[Array, "n n"]:
    rows, columns, values = entries
    matrix = jnp.zeros((size, size), values.dtype)
    return matrix.at[jnp.asarray(rows), jnp.asarray(columns)].add(values, mode="drop")
