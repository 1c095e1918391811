"""Matrices A^T A + W^T diag(d) W of the size of x, stored and factorised as their structure allows."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jax.scipy.linalg import cho_solve, cholesky, solve_triangular
from jaxtyping import Array, Bool, Float, Int

from ...problems.linear_operator import LinearOperator, LocalAnalysisOperator, LocalOperator
from ...problems.lower_level import LowerLevel
from ...problems.operators.dense import Dense
from ...problems.operators.normal_stencil import Stencil
from ...problems.regularizer import GroupRegularizer
from ..analysis_l1_problem import penalty_of
from . import stencil_matrix as stencils
from .circulant import is_circulant
from .nested_dissection import Dissection, dissect, factor_size, front_sizes
from .stencil_matrix import StencilFactor, StencilMatrix

LARGEST_DENSE = 4096
LARGEST_FACTOR = 2**30
"""Numbers of a factor and of what its computation holds beside it."""
SMALLEST_DISSECTED = 512
_CHUNK = 256

Matrix = Float[Array, "n n"] | StencilMatrix
Factor = Float[Array, "n n"] | StencilFactor


class Layout(NamedTuple):
    """How the matrices of a problem are stored: dense, or as stencils of a reach down and across."""

    shape: tuple[int, ...]
    reach: tuple[int, int] | None

    @property
    def size(self) -> int:
        """The number of unknowns."""
        return math.prod(self.shape)

    @property
    def dissection(self) -> Dissection:
        """The order of elimination of stencils."""
        assert self.reach is not None
        return dissect(cast(tuple[int, int], self.shape), self.reach)

    @property
    def fits(self) -> bool:
        """Tell whether a factorisation is affordable: 4096 unknowns dense, 2^30 numbers dissected."""
        if self.reach is None:
            return self.size <= LARGEST_DENSE
        return factor_size(cast(tuple[int, int], self.shape), self.reach) <= LARGEST_FACTOR


def layout_of(lower: LowerLevel, shape: tuple[int, ...]) -> Layout:
    """Choose the layout for signals of this shape: stencils for images whose near pixels alone couple.

    Not for images of up to 512 pixels, nor where an axis is too short to be cut.
    """
    W, dense = penalty_of(lower).W, Layout(shape, None)
    # The curvature of groups is built column by column.
    if isinstance(lower.regularizer, GroupRegularizer) or not isinstance(W, LocalAnalysisOperator):
        return dense
    if not isinstance(lower.A, LocalOperator) or math.prod(shape) <= SMALLEST_DISSECTED:
        return dense
    reaches = [lower.A.reach(shape), W.reach(shape)]
    if None in reaches:
        return dense
    down, across = (max(1, *along) for along in zip(*reaches, strict=True))
    if shape[0] <= 2 * down or shape[1] <= 2 * across:
        return dense
    image = cast(tuple[int, int], shape)
    return Layout(shape, (down, across)) if len(front_sizes(image, (down, across))) > 1 else dense


def data_matrix(lower: LowerLevel, layout: Layout) -> Matrix:
    """Return A^T A."""
    if layout.reach is not None:
        A = cast(LocalOperator, lower.A)
        return _within(layout.reach, A.normal_stencil(cast(tuple[int, int], layout.shape), lower.y.dtype))
    if isinstance(lower.A, Dense):
        return jnp.matmul(lower.A.matrix.T, lower.A.matrix, precision=Precision.HIGHEST)
    if is_circulant(lower.A):
        return _circulant(impulse_response(lower.A, layout.shape, lower.y.dtype))
    return matrix_of(lambda v: lower.A.adjoint(lower.A(v)), layout, lower.y.dtype)


def matrix_of(
    product: Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]], layout: Layout, dtype: Any
) -> Float[Array, "n n"]:
    """Return the matrix of a symmetric map from signals to signals, row by row."""

    def row(unit: Array) -> Array:
        return product(unit.reshape(layout.shape)).ravel()

    return jax.lax.map(row, jnp.eye(layout.size, dtype=dtype), batch_size=min(_CHUNK, layout.size))


def rows_matrix(lower: LowerLevel, layout: Layout, weights: Float[Array, "..."]) -> Matrix:
    """Return W^T diag(weights) W, weights of the shape of W x."""
    W = penalty_of(lower).W
    if layout.reach is not None:
        return _within(layout.reach, cast(LocalAnalysisOperator, W).weighted_normal_stencil(weights))
    if isinstance(W, LocalAnalysisOperator) and W.reach(layout.shape) is not None:
        return _dense_of(W.weighted_normal_stencil(weights))
    if isinstance(W, Dense):
        return jnp.matmul(W.matrix.T, weights[:, None] * W.matrix, precision=Precision.HIGHEST)
    return matrix_of(lambda v: W.adjoint(weights * W(v)), layout, weights.dtype)


def combine(
    data: Matrix, scale: Float[Array, ""] | float, rows: Matrix, shift: Float[Array, ""] | float
) -> Matrix:
    """Return data + scale * rows + shift * identity."""
    total = jax.tree.map(lambda one, other: one + scale * other, data, rows)
    if isinstance(total, StencilMatrix):
        down, across = (size // 2 for size in total.entries.shape[:2])
        return StencilMatrix(total.entries.at[down, across].add(shift))
    return total + shift * jnp.eye(len(total), dtype=total.dtype)


def factorize(layout: Layout, matrix: Matrix) -> Factor:
    """Return the Cholesky factor; NaN where the matrix is not positive definite."""
    if isinstance(matrix, StencilMatrix):
        return stencils.factorize(layout.dissection, matrix)
    return cholesky(matrix, lower=True)


def solve_factored(layout: Layout, factor: Factor, rhs: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Solve with a factor for one right-hand side of the shape of x."""
    if isinstance(factor, StencilFactor):
        return stencils.solve_factored(layout.dissection, factor, rhs)
    return cho_solve((factor, True), rhs.ravel()).reshape(rhs.shape)


def rank_of_rows(lower: LowerLevel, layout: Layout, active: Bool[Array, "..."]) -> Int[Array, ""]:
    """Count the singular values of the active rows of W above 1e-6 ||W||.

    With G = W0^T W0 and a ridge e = 1e-12 ||W||^2 each eigenvalue g of G adds g / (g + e) to
    trace(G (G + e)^{-1}) = n - e trace((G + e)^{-1}).
    """
    squared = penalty_of(lower).W.squared_norm(layout.shape)
    ridge = 1e-12 * jnp.where(squared > 0, squared, jnp.ones_like(squared))
    gram = rows_matrix(lower, layout, active.astype(lower.y.dtype))
    factor = factorize(layout, combine(gram, jnp.zeros_like(ridge), gram, ridge))
    if isinstance(factor, StencilFactor):
        trace = stencils.trace_of_inverse(layout.dissection, factor)
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


def impulse_response(operator: LinearOperator, shape: tuple[int, ...], dtype: Any) -> Float[Array, "*shape"]:
    """Return A^T A of a unit impulse at index 0: of a blur, the kernel's autocorrelation."""
    impulse = jnp.zeros(shape, dtype).at[(0,) * len(shape)].set(1)
    return operator.adjoint(operator(impulse))


def _within(reach: tuple[int, int], stencil: Stencil) -> StencilMatrix:
    """Fill a stencil up to a reach that is at least its own."""
    room = [(one - size // 2,) * 2 for one, size in zip(reach, stencil.shape[:2], strict=True)]
    return StencilMatrix(jnp.pad(stencil, [*room, (0, 0), (0, 0)]))


def _dense_of(stencil: Stencil) -> Float[Array, "n n"]:
    """Add up the entries; in a small image several of them can be one place's."""
    down, across, height, width = stencil.shape
    d, e, i, j = np.ix_(*map(np.arange, stencil.shape))
    rows = (i + d - down // 2) % height * width + (j + e - across // 2) % width
    columns = np.broadcast_to(i * width + j, rows.shape)
    return jnp.zeros((height * width,) * 2, stencil.dtype).at[rows, columns].add(stencil)
