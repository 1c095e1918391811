"""The loss of a solution and its ground truth, with bounds where the solution is known approximately."""

import math
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.values.configuration import configuration


class LossBounds(NamedTuple):
    """A loss at an approximate solution, and bounds of the loss at the exact one.

    Attributes:
        least: at most the loss at the exact solution.
        value: the loss at the approximate solution.
        most: at least the loss at the exact solution.
    """

    least: Float[Array, "*batch"]
    value: Float[Array, "*batch"]
    most: Float[Array, "*batch"]


@runtime_checkable
class UpperLoss(Protocol):
    """A differentiable loss of one solution x and its ground truth."""

    def value(self, x: Float[Array, "*shape"], truth: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Evaluate the loss."""
        ...

    def bounds(
        self, x: Float[Array, "*shape"], truth: Float[Array, "*shape"], distance: Float[Array, ""]
    ) -> LossBounds:
        """Bound the loss over all x' with ||x' - x|| <= distance."""
        ...

    def lipschitz(self, shape: tuple[int, ...]) -> float:
        """Bound the Lipschitz constant of the loss's gradient by x, for this shape of x."""
        ...


@configuration
class MeanSquaredError:
    """Average the squared differences of the n entries: ||x - truth||^2 / n.

    Over a ball of radius r around x it lies between (||x - truth|| - r)^2 / n, or zero where the ball holds
    the truth, and (||x - truth|| + r)^2 / n; both are attained.
    """

    def value(self, x: Float[Array, "*shape"], truth: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Evaluate the loss."""
        return jnp.mean(jnp.square(x - truth))

    def bounds(
        self, x: Float[Array, "*shape"], truth: Float[Array, "*shape"], distance: Float[Array, ""]
    ) -> LossBounds:
        """Return the smallest and the largest loss over the ball."""
        apart = euclidean_norm(x - truth)
        least = jnp.square(jnp.maximum(apart - distance, jnp.zeros_like(apart))) / x.size
        return LossBounds(least, jnp.square(apart) / x.size, jnp.square(apart + distance) / x.size)

    def lipschitz(self, shape: tuple[int, ...]) -> float:
        """Return 2 / n."""
        return 2 / math.prod(shape)
