"""A step of the regulariser's parameters that keeps them in their range."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.regularizer import ProjectedRegularizer, in_range


def stepped(regularizer: Any, gradient: Any, step_size: Float[Array, ""]) -> Any:
    """Return P(theta - step_size gradient),  P the nearest parameters in range where the class tells them."""
    moved = jax.tree.map(lambda leaf, slope: leaf - step_size * slope, regularizer, gradient)
    return moved.nearest_in_range() if isinstance(moved, ProjectedRegularizer) else moved


def squared_distance(regularizer: Any, other: Any) -> Float[Array, ""]:
    """Return the squared distance of two regularisers by all of their parameters together."""
    return squared_size(jax.tree.map(jnp.subtract, regularizer, other))


def squared_size(gradient: Any) -> Float[Array, ""]:
    """Return the sum of the squares of all leaves."""
    return sum(map(jnp.sum, map(jnp.square, jax.tree.leaves(gradient))), start=_zero(gradient))


def is_usable(regularizer: Any) -> Bool[Array, ""]:
    """Tell whether all parameters are finite and in their range."""
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(regularizer)]
    return jnp.all(jnp.stack([in_range(regularizer), *finite]))


def chosen(condition: Bool[Array, ""], yes: Any, no: Any) -> Any:
    """Return one of two trees, leaf by leaf."""
    return jax.tree.map(lambda one, other: jnp.where(condition, one, other), yes, no)


def _zero(tree: Any) -> Array:
    return jnp.zeros((), jax.tree.leaves(tree)[0].dtype)
