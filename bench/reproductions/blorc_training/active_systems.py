"""Projections on the null spaces of a batch's active rows, with one small factorisation a member."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax.linalg import cholesky, triangular_solve
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad.l1.shared_matrix import project_many
from ....hypergrad.l1.vector_products import vectors_times

SHARES = (4, 2)
"""All rows over each of the smaller sizes that are compiled: factorising half of 64 rows takes a third."""
ROUNDINGS = 30
"""A response counts as zero up to so many times the precision."""
DEPENDENT = 1e-10
"""A row whose squared sine of the angle to the rows before it is not above this depends on them."""


class ActiveProjection(NamedTuple):
    """The solutions of  v + W0^T mu = g,  W0 v = 0.

    Attributes:
        v: the projections of g.
        mu: their multipliers, zero on the other rows.
        independent: whose active rows are independent, so that mu is the only one.
    """

    v: Float[Array, "batch rhs n"]
    mu: Float[Array, "batch rhs k"]
    independent: Bool[Array, " batch"]


class _Multipliers(NamedTuple):
    """Multipliers, and the smallest squared pivot of each member's factor over the row's squared norm."""

    mu: Float[Array, "batch rhs m"]
    pivot: Float[Array, " batch"]


def project_on_active(
    W: Float[Array, "k n"],
    gram: Float[Array, "k k"],
    active: Bool[Array, "batch k"],
    g: Float[Array, "batch rhs n"],
) -> ActiveProjection:
    """Solve  W0 W0^T mu = W0 g  with the active rows of every member, by one Cholesky factorisation each.

    All factorisations have the smallest of three sizes that holds the active rows of every member. Two things
    are checked: W0 v = 0 up to rounding; and that every row has an angle to those before it, whose squared
    sine is the factor's squared pivot over the row's squared norm. Rounding lets the factorisation of
    dependent rows pass, and W0 v = 0 as well, with multipliers that are anything. Where one of the two fails
    the batch is solved again with a ridge and refinement (`project_many`), whose mu is about the shortest.
    Caveat: rows that are nearly dependent only all together may have no small pivot.

    Args:
        W: the matrix.
        gram: W W^T.
        active: its active rows, of every member.
        g: for every member the right-hand sides.
    """
    mu, pivot = _multipliers(gram, active, vectors_times(g, W.T))
    # What is no number is not above it: the pivot of a factorisation that broke down, or of a row of zeros.
    independent = pivot > DEPENDENT
    v = g - vectors_times(mu, W)
    sizes = jnp.diagonal(gram)[None, None] * jnp.sum(jnp.square(g), axis=-1, keepdims=True)
    zero = jnp.abs(vectors_times(v, W.T)) <= ROUNDINGS * jnp.finfo(g.dtype).eps * jnp.sqrt(sizes)

    def again() -> ActiveProjection:
        found = project_many(W, active, g, jnp.zeros_like(mu))
        return ActiveProjection(found.v, found.mu, independent)

    solved = jnp.all(zero | ~active[:, None]) & jnp.all(independent)
    return jax.lax.cond(solved, lambda: ActiveProjection(v, mu, independent), again)


def _multipliers(
    gram: Float[Array, "k k"], active: Bool[Array, "batch k"], right: Float[Array, "batch rhs k"]
) -> _Multipliers:
    sizes = [-(-gram.shape[0] // share) for share in SHARES]
    largest = jnp.max(jnp.sum(active, axis=1))
    index = jnp.sum(largest > jnp.asarray(sizes, largest.dtype))
    branches = [*(partial(_solve_in_front, size) for size in sizes), _solve_in_place]
    return jax.lax.switch(index, branches, gram, active, right)


def _solve_in_front(
    size: int, gram: Float[Array, "k k"], active: Bool[Array, "batch k"], right: Float[Array, "batch rhs k"]
) -> _Multipliers:
    """Solve with the active rows moved to the front, in their order."""
    flags, rows = jax.lax.top_k(active.astype(jnp.float32), size)
    found, pivot = _solve(gram[rows[:, :, None], rows[:, None, :]], flags > 0, _taken(right, rows))
    # A row's place is the number of active rows before it; a scatter would be a loop on the CPU.
    before = jnp.matmul(active.astype(jnp.float32), jnp.triu(jnp.ones(gram.shape, jnp.float32), 1))
    back = _taken(found, jnp.minimum(before.astype(rows.dtype), size - 1))
    return _Multipliers(jnp.where(active[:, None], back, jnp.zeros_like(back)), pivot)


def _solve_in_place(
    gram: Float[Array, "k k"], active: Bool[Array, "batch k"], right: Float[Array, "batch rhs k"]
) -> _Multipliers:
    """Solve with every row where it is: moving most of them costs more than it saves."""
    return _solve(jnp.broadcast_to(gram[None], (active.shape[0], *gram.shape)), active, right)


def _solve(
    grams: Float[Array, "batch m m"], present: Bool[Array, "batch m"], right: Float[Array, "batch rhs m"]
) -> _Multipliers:
    """Factorise and solve, the identity's rows in the place of those that are not present."""
    both = present[:, :, None] & present[:, None, :]
    identity = jnp.broadcast_to(jnp.eye(grams.shape[-1], dtype=grams.dtype)[None], grams.shape)
    matrices = jnp.where(both, grams, identity)
    factor = cholesky(matrices, symmetrize_input=False)
    columns = jnp.swapaxes(jnp.where(present[:, None], right, jnp.zeros_like(right)), 1, 2)
    half = triangular_solve(factor, columns, left_side=True, lower=True)
    found = triangular_solve(factor, half, left_side=True, lower=True, transpose_a=True)
    sizes, pivots = (jnp.diagonal(one, axis1=1, axis2=2) for one in (matrices, factor))
    return _Multipliers(jnp.swapaxes(found, 1, 2), jnp.min(jnp.square(pivots) / sizes, axis=1))


def _taken(vectors: Float[Array, "batch rhs k"], index: Int[Array, "batch m"]) -> Float[Array, "batch rhs m"]:
    return jnp.take_along_axis(vectors, index[:, None], axis=-1)
