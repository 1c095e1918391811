"""Projections on the null spaces of one matrix's active rows, one or many at a time."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_batching import custom_vmap
from jaxtyping import Array, Bool, Float, Int

from .compact_cholesky import compact_cholesky
from .conjugate_steps import conjugate_steps
from .vector_products import vectors_times


class Projected(NamedTuple):
    """The solutions of  v + W0^T mu = g,  W0 v = h.

    Attributes:
        v: the points.
        mu: their multipliers, zero on the other rows.
        steps: conjugate-gradient steps, and one more for a factorisation.
    """

    v: Float[Array, "sets rhs n"]
    mu: Float[Array, "sets rhs k"]
    steps: Int[Array, "sets rhs"]


@custom_vmap
def project_many(
    matrix: Float[Array, "k n"],
    active: Bool[Array, "sets k"],
    g: Float[Array, "sets rhs n"],
    below: Float[Array, "sets rhs k"],
) -> Projected:
    """Take a few conjugate-gradient steps, and factorise where a system is not solved to rounding by them.

    Under `vmap` a branch would become a choice between results that are both computed, and so each batch goes
    into the two axes that are here: members with active rows of their own are further sets, members that
    share them further right-hand sides. Matrices of a batch are taken one after the other.

    Args:
        matrix: W.
        active: its active rows, of every set.
        g: for every set the right-hand sides, of a size near one.
        below: h, read on the active rows.
    """
    mask = jnp.broadcast_to(active[:, None, :], below.shape)
    found, solved = conjugate_steps(matrix, mask, g, below)

    def keep() -> Projected:
        return Projected(found.v, found.mu, jnp.broadcast_to(found.steps, solved.shape))

    def factorize() -> Projected:
        mu = compact_cholesky(matrix, active, g, below)
        v = g - vectors_times(mu, matrix)
        choose = solved[..., None]
        steps = found.steps + jnp.where(solved, 0, 1).astype(found.steps.dtype)
        return Projected(jnp.where(choose, found.v, v), jnp.where(choose, found.mu, mu), steps)

    return jax.lax.cond(jnp.all(solved), keep, factorize)


@project_many.def_vmap
def _batched(
    size: int, batched: list[bool], matrix: Any, active: Any, g: Any, below: Any
) -> tuple[Projected, Projected]:
    everywhere = Projected(True, True, True)  # pyright: ignore[reportArgumentType]
    if batched[0]:
        members = (
            matrix,
            *(_spread(size, *one) for one in zip((active, g, below), batched[1:], strict=True)),
        )
        return jax.lax.map(lambda member: project_many(*member), members), everywhere
    right = (_spread(size, *one) for one in zip((g, below), batched[2:], strict=True))
    if batched[1]:
        sets = active.reshape(-1, active.shape[-1])
        found = project_many(matrix, sets, *(one.reshape(-1, *one.shape[2:]) for one in right))
        return jax.tree.map(lambda part: part.reshape(size, -1, *part.shape[1:]), found), everywhere
    # Members are one axis with the right-hand sides, behind the sets.
    flat = (jnp.moveaxis(one, 0, 1).reshape(one.shape[1], -1, one.shape[-1]) for one in right)
    found = project_many(matrix, active, *flat)
    split = (part.reshape(part.shape[0], size, -1, *part.shape[2:]) for part in found)
    return Projected(*(jnp.moveaxis(part, 1, 0) for part in split)), everywhere


def _spread(size: int, array: Array, is_batched: bool) -> Array:
    return array if is_batched else jnp.broadcast_to(array, (size, *array.shape))
