"""The multiplier of a matrix's active rows from a Cholesky factorisation as large as there are such rows."""

from functools import partial

import jax
import jax.numpy as jnp
from jax.lax import Precision
from jax.scipy.linalg import cho_solve, cholesky
from jaxtyping import Array, Bool, Float, Int

from .vector_products import vectors_times

REFINEMENTS = 1
SHARE = 4
SMALLEST = 24
"""Of the sizes that are compiled beside k: below, a factorisation costs little more than starting one."""


def compact_cholesky(
    matrix: Float[Array, "k n"],
    active: Bool[Array, "sets k"],
    g: Float[Array, "sets rhs n"],
    below: Float[Array, "sets rhs k"],
) -> Float[Array, "sets rhs k"]:
    """Solve  W0 W0^T mu = W0 g - h  for each set of active rows, by a Cholesky factorisation of each.

    The active rows come first, in the smaller of two compiled sizes if that holds every set, and where a set
    has fewer the identity's rows stand for the rest. Dependent rows make the Gram matrix singular: a relative
    ridge of 100 k eps keeps the factorisation finite, and iterative refinement takes the
    ridge out again, so that v = g - W0^T mu is the projection either way.

    Args:
        matrix: W.
        active: its active rows, of every set.
        g: for every set the right-hand sides, of a size near one.
        below: h, read on the active rows.
    """
    sizes = compiled_sizes(matrix.shape[0])
    largest = jnp.max(jnp.sum(active, axis=-1), initial=0)
    index = jnp.sum(largest > jnp.asarray(sizes[:-1], largest.dtype))
    order = jnp.argsort(~active, axis=-1, stable=True)
    return jax.lax.switch(
        index, [partial(_solve_compact, size) for size in sizes], matrix, active, order, g, below
    )


def compiled_sizes(k: int) -> list[int]:
    """Return the sizes among which the number of active rows chooses: k/4, where that is worth it, and k."""
    return [k] if k < SHARE * SMALLEST else [k // SHARE, k]


def ridge_of(
    gram_diagonal: Float[Array, "*sets k"], active: Bool[Array, "*sets k"], rows: int
) -> tuple[Float[Array, "*sets"], Float[Array, "*sets"]]:
    """Return the largest squared norm of an active row, one where there is none, and the ridge.

    Args:
        gram_diagonal: the rows' squared norms.
        active: which of them count.
        rows: how many there are in all.
    """
    largest = jnp.max(jnp.where(active, gram_diagonal, 0.0), axis=-1, initial=0)
    unit = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    return unit, 100 * rows * jnp.finfo(unit.dtype).eps * unit


def _solve_compact(
    size: int,
    matrix: Float[Array, "k n"],
    active: Bool[Array, "sets k"],
    order: Int[Array, "sets k"],
    g: Float[Array, "sets rhs n"],
    below: Float[Array, "sets rhs k"],
) -> Float[Array, "sets rhs k"]:
    """Solve with factorisations of one size."""
    rows = order[:, :size]
    present = jnp.take_along_axis(active, rows, axis=-1)
    factor = _factor(_gram(matrix, rows), present, matrix.shape[0])
    back = jnp.argsort(order, axis=-1)[:, None, :]

    def invert(right: Array) -> Array:
        compact = jnp.take_along_axis(right, rows[:, None, :], axis=-1)
        found = jax.vmap(lambda factor, right: cho_solve((factor, True), right.T).T)(factor, compact)
        rest = matrix.shape[0] - size
        return jnp.take_along_axis(jnp.pad(found, ((0, 0), (0, 0), (0, rest))), back, axis=-1)

    # Masks go on vectors, never on the rows: products of many systems with W stay matrix products.
    def unexplained(left: Array) -> Array:
        product = vectors_times(left, matrix.T) - below
        return jnp.where(active[:, None, :], product, jnp.zeros_like(product))

    def refine(_: object, mu: Array) -> Array:
        return mu + invert(unexplained(g - vectors_times(mu, matrix)))

    # A loop, whose body is compiled once, although the first solve has nothing to subtract.
    return jax.lax.fori_loop(0, 1 + REFINEMENTS, refine, jnp.zeros_like(below))


def _factor(
    gram: Float[Array, "sets m m"], present: Bool[Array, "sets m"], rows: int
) -> Float[Array, "sets m m"]:
    """Factorise Gram matrices, the identity's rows in the place of those that are not present."""
    unit, ridge = ridge_of(jnp.diagonal(gram, axis1=-2, axis2=-1), present, rows)
    masked = jnp.where(present[:, :, None] & present[:, None, :], gram, jnp.zeros_like(gram))
    diagonal = jnp.where(present, ridge[:, None], unit[:, None])
    return cholesky(masked + jax.vmap(jnp.diag)(diagonal), lower=True)


def _gram(matrix: Float[Array, "k n"], rows: Int[Array, "sets m"]) -> Float[Array, "sets m m"]:
    """Return the Gram matrix of each set of rows: from its rows where they are few, else from that of all."""
    if rows.size * rows.shape[1] < matrix.shape[0] ** 2:
        taken = matrix[rows]
        return jnp.matmul(taken, jnp.swapaxes(taken, -1, -2), precision=Precision.HIGHEST)
    gram = jnp.matmul(matrix, matrix.T, precision=Precision.HIGHEST)
    return gram[rows[:, :, None], rows[:, None, :]]
