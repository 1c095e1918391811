"""What an upper level minimises: a loss over pairs of measurement and ground truth."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.linear_operator import LinearOperator
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.values.pytree import pytree, setting
from ...problems.values.validation import require_floating
from .upper_loss import LossBounds, MeanSquaredError, UpperLoss


@pytree
class UpperProblem:
    """Hold pairs (y_i, truth_i) from which a regulariser is to be learned.

    What is minimised over its parameters theta is the mean over the pairs of

        loss(x_i(theta), truth_i),   x_i(theta) = argmin_x 1/2 ||A x - y_i||^2 + R_theta(x).

    Args:
        A: linear operator, the same for all pairs.
        y: measurements, one per pair along the first axis.
        truth: ground truths, likewise.
        loss: of one solution and its ground truth.

    Raises:
        TypeError: if y or the ground truths are not floating-point arrays.
        ValueError: if there is not one ground truth for each measurement.
    """

    A: LinearOperator
    y: Float[Array, "pairs ..."]
    truth: Float[Array, "..."]
    loss: UpperLoss = setting(default=MeanSquaredError())

    def __post_init__(self) -> None:
        require_floating("y", self.y)
        require_floating("truth", self.truth)
        if self.y.ndim < 2 or self.truth.ndim < 2 or len(self.y) != len(self.truth):
            raise ValueError(
                "y and truth must have one entry per pair along their first axis; "
                f"got shapes {tuple(self.y.shape)} and {tuple(self.truth.shape)}"
            )

    @property
    def count(self) -> int:
        """The number of pairs."""
        return len(self.y)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one ground truth."""
        return self.truth.shape[1:]

    def lower(self, y: Float[Array, "..."], regularizer: Regularizer) -> LowerLevel:
        """Return the lower level of one measurement."""
        return LowerLevel(self.A, y, regularizer)

    def any_lower(self, regularizer: Regularizer) -> LowerLevel:
        """Return the lower level of the first pair: what it supports, all others do."""
        return self.lower(self.y[0], regularizer)

    def selected(self, chosen: Int[Array, " batch"]) -> "UpperProblem":
        """Return the problem of some of the pairs, by their numbers."""
        return UpperProblem(self.A, self.y[chosen], self.truth[chosen], self.loss)

    def over_pairs(
        self, function: Callable[..., Any], regularizer: Regularizer, *arrays: Float[Array, "pairs ..."]
    ) -> Any:
        """Return function(lower, truth, *array) of every pair, stacked along the first axis."""

        def of_pair(y: Array, truth: Array, *own: Array) -> Any:
            return function(self.lower(y, regularizer), truth, *own)

        return jax.vmap(of_pair)(self.y, self.truth, *arrays)

    def certified_loss(self, x: Float[Array, "pairs ..."], distance: Float[Array, " pairs"]) -> LossBounds:
        """Return the mean loss at approximate solutions, with bounds of it at the exact ones.

        Args:
            x: one approximate solution per pair.
            distance: bound of the distance of each to its exact solution.
        """
        each = jax.vmap(self.loss.bounds)(x, self.truth, distance)
        return LossBounds(*map(jnp.mean, each))
