"""What l1 norms and norms of groups have in common for solvers: bounds, sides and gaps of a dual variable.

Of an l1 norm a group is one entry; of a norm of groups, what is one number per group has length one along the
axes of a group.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.regularizer import AnalysisRegularizer, GroupRegularizer

Penalty = AnalysisRegularizer | GroupRegularizer


def weights_of(regularizer: Penalty, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
    """Return each group's weight, the bound of its dual variable's norm."""
    if isinstance(regularizer, GroupRegularizer):
        return regularizer.group_weight_like(u)
    return regularizer.weight_like(u)


def norms_of(regularizer: Penalty, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
    """Return the norm of each group of responses or of dual variables."""
    return regularizer.group_norms(u) if isinstance(regularizer, GroupRegularizer) else jnp.abs(u)


def inside_bounds(regularizer: Penalty, shifted: Float[Array, "*range"]) -> Float[Array, "*range"]:
    """Move a dual variable into its bounds: a group that lies outside goes to weight_g u_g / ||u_g||.

    See `within_bounds` for weights of zero and below.
    """
    weight = weights_of(regularizer, shifted)
    if isinstance(regularizer, GroupRegularizer):
        norms = regularizer.group_norms(shifted)
        inside = norms <= weight
        scale = weight / jnp.where(norms > 0, norms, jnp.ones_like(norms))
        return shifted * jnp.where(inside, jnp.ones_like(scale), scale)
    return within_bounds(shifted, weight)


def within_bounds(shifted: Float[Array, "*range"], weight: Float[Array, "*range"]) -> Float[Array, "*range"]:
    """Move dual variables into |u_i| <= weight_i: what lies outside becomes weight_i sign(u_i).

    Unlike a minimum of a maximum, which is a kink where both bounds meet, it has the one-sided derivative
    sign(u_i) by a weight of exactly zero, and goes on through zero: the energy of a negative weight is not
    convex, and weight_i sign(w_i x) is its stationarity.
    """
    return jnp.where(jnp.abs(shifted) <= weight, shifted, weight * jnp.sign(shifted))


def gaps(
    regularizer: Penalty, u: Float[Array, "*range"], responses: Float[Array, "*range"]
) -> Float[Array, "*groups"]:
    """Return weight_g ||(W x)_g|| - <u_g, (W x)_g> of each group, not negative for a u within its bounds."""
    products = u * responses
    if isinstance(regularizer, GroupRegularizer):
        products = regularizer.group_sum(products)
    return weights_of(regularizer, u) * norms_of(regularizer, responses) - products


def turned_away(
    regularizer: Penalty, u: Float[Array, "*range"], responses: Float[Array, "*range"]
) -> Float[Array, "*groups"]:
    """Return how far responses of a group that is not zero are from the side that its dual variable says.

    Of an l1 norm -sign(u_i) w_i x; of groups ||(W x)_g - ||(W x)_g|| u_g / ||u_g|| ||, also where they are
    turned by a small angle, of which the gap sees the square. A group of weight zero is on every side.
    """
    if not isinstance(regularizer, GroupRegularizer):
        return -jnp.sign(u) * responses
    lengths, norms = regularizer.group_norms(u), regularizer.group_norms(responses)
    along = norms * u / jnp.where(lengths > 0, lengths, jnp.ones_like(lengths))
    away = regularizer.group_norms(responses - along)
    return jnp.where(regularizer.group_weight_like(u) > 0, away, jnp.zeros_like(away))
