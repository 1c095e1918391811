"""Central differences of a loss along random directions, with a plateau over the step."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel

STEPS = (1e-3, 1e-4, 1e-5, 1e-6)


def random_directions(lower: LowerLevel, count: int, seed: int, fields: tuple[str, ...]) -> LowerLevel:
    """Draw directions in the space of the leaves of `lower`, uniform on the unit sphere.

    Args:
        lower: gives structure and shapes.
        count: how many directions, the leading axis of every leaf of the result.
        seed: of the draw.
        fields: which of "A", "y" and "regularizer" move; the others' entries are zero.
    """
    generator = np.random.default_rng([seed, 5])

    def draw(path: Any, leaf: Array) -> np.ndarray:
        moves = path[0].name in fields
        return generator.normal(size=(count, *leaf.shape)) if moves else np.zeros((count, *leaf.shape))

    drawn = jax.tree_util.tree_map_with_path(draw, lower)
    squares = sum(np.square(leaf).reshape(count, -1).sum(axis=1) for leaf in jax.tree.leaves(drawn))
    norm = np.sqrt(squares)
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf / norm.reshape((count,) + (1,) * (leaf.ndim - 1))), drawn
    )


def central_differences(
    loss: Callable[[LowerLevel], Array], lower: LowerLevel, directions: LowerLevel
) -> Float[Array, " count"]:
    """Differentiate `loss` along each direction: (loss(+h) - loss(-h)) / 2h on its plateau.

    Steps from 1e-3 to 1e-6 are tried; of each two neighbours that agree best the smaller step's quotient is
    returned, since its truncation error is less. A loss that is NaN at some step rules that step out. They
    are trustworthy only if `loss` solves the lower level to rounding: differences of an unconverged solve
    agree with its derivative, not with the solution's.
    """

    def quotients(direction: LowerLevel) -> Array:
        def quotient(step: Array) -> Array:
            forward = loss(jax.tree.map(lambda leaf, d: leaf + step * d, lower, direction))
            backward = loss(jax.tree.map(lambda leaf, d: leaf - step * d, lower, direction))
            return (forward - backward) / (2 * step)

        return jax.lax.map(quotient, jnp.asarray(STEPS, jnp.float64))

    return jax.vmap(_plateau)(jax.lax.map(quotients, directions))


def _plateau(quotients: Float[Array, " steps"]) -> Float[Array, ""]:
    changes = jnp.abs(jnp.diff(quotients))
    best = jnp.argmin(jnp.where(jnp.isfinite(changes), changes, jnp.inf))
    return quotients[best + 1]
