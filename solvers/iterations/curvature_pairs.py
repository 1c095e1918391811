"""What a quasi-Newton method remembers of the energy's curvature."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_LEAST_COSINE = 1e-8
"""A pair whose move and change are nearer to a right angle tells rounding, or that the energy is concave."""


class CurvaturePairs(NamedTuple):
    """The last moves of the iterate and the changes of the gradient that they made, one pair a slot.

    Attributes:
        moves: s, slot by slot; the oldest is overwritten first.
        changes: y, of the gradient.
        weights: 1 / <s, y>.
        stored: pairs so far, those that were overwritten too.
    """

    moves: Float[Array, "m *shape"]
    changes: Float[Array, "m *shape"]
    weights: Float[Array, " m"]
    stored: Int[Array, ""]


def no_pairs(memory: int, like: Float[Array, "*shape"]) -> CurvaturePairs:
    """Return an empty memory of so many slots."""
    empty = jnp.zeros((memory, *like.shape), like.dtype)
    return CurvaturePairs(empty, empty, jnp.zeros(memory, like.dtype), jnp.zeros((), jnp.int32))


def with_pair(
    pairs: CurvaturePairs,
    move: Float[Array, "*shape"],
    change: Float[Array, "*shape"],
    wanted: Bool[Array, ""],
) -> CurvaturePairs:
    """Store a pair if it is wanted and the energy curves upwards along it, in the oldest one's slot.

    Source: Li and Fukushima, 2001, the cautious update; here by the angle between move and change.
    """
    inner = jnp.sum(move * change)
    squared = jnp.sum(jnp.square(move)) * jnp.sum(jnp.square(change))
    curved = (inner > 0) & (jnp.square(inner) > _LEAST_COSINE**2 * squared)
    taken = wanted & curved
    slot = pairs.stored % pairs.weights.shape[0]

    def written(memory: Array, entry: Array) -> Array:
        # One slot is written where it lies; choosing between two whole memories would copy them.
        return memory.at[slot].set(jnp.where(taken, entry, memory[slot]))

    weight = 1 / jnp.where(curved, inner, jnp.ones_like(inner))
    return CurvaturePairs(
        written(pairs.moves, move),
        written(pairs.changes, change),
        written(pairs.weights, weight),
        pairs.stored + taken.astype(jnp.int32),
    )


def times_inverse(pairs: CurvaturePairs, g: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Apply the approximation of the inverse Hessian to g: two loops over the pairs that are there.

    It starts from <s, y> / <y, y> of the newest pair times the identity, or from the identity without one.
    Source: Nocedal and Wright, 2006, algorithm 7.4 and equation 7.20.
    """
    length = pairs.weights.shape[0]
    held = jnp.minimum(pairs.stored, length)

    def newest_first(step: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        q, shares = carry
        slot = (pairs.stored - 1 - step) % length
        share = pairs.weights[slot] * jnp.sum(pairs.moves[slot] * q)
        return q - share * pairs.changes[slot], shares.at[slot].set(share)

    def oldest_first(step: Array, r: Array) -> Array:
        slot = (pairs.stored - held + step) % length
        share = pairs.weights[slot] * jnp.sum(pairs.changes[slot] * r)
        return r + pairs.moves[slot] * (shares[slot] - share)

    q, shares = jax.lax.fori_loop(0, held, newest_first, (g, jnp.zeros_like(pairs.weights)))
    return jax.lax.fori_loop(0, held, oldest_first, _newest_curvature(pairs) * q)


def _newest_curvature(pairs: CurvaturePairs) -> Float[Array, ""]:
    newest = (pairs.stored - 1) % pairs.weights.shape[0]
    change, weight = pairs.changes[newest], pairs.weights[newest]
    squared = weight * jnp.sum(jnp.square(change))
    return jnp.where(squared > 0, 1 / jnp.where(squared > 0, squared, jnp.ones_like(squared)), 1)
