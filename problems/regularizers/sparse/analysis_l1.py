"""The l1 norm of an analysis operator's responses."""

import dataclasses
from typing import ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...linear_operator import LinearOperator
from ...operators.dense import Dense
from ...operators.filter_bank import FilterBank
from ...values.pytree import pytree
from ...values.validation import all_nonnegative
from ..initial_filters import initial_filters
from .weight_map import require_weights_of, spread_weight, weight_of


@pytree
class AnalysisL1:
    """Penalise the l1 norm of analysis coefficients: R(x) = sum_i weight_i |(W x)_i|.

    Convex and not smooth; x = 0 is a kink of every coefficient. With `ForwardDifferences()` it is anisotropic
    total variation. Source: Elad, Milanfar and Rubinstein, 2007.

    Args:
        W: analysis operator: `Dense` (k, n) for signals, `FilterBank` (k, s, s) for images, or any other
            linear operator.
        weight: one number; or one per row, filter or direction, shape (k,), of `Dense`, `FilterBank` and
            `ForwardDifferences`; or a map, one per response: of the shape of W x, such as (k, h, w), with
            length one along axes that share a weight. The channels of colour responses (..., 3) may share a
            map without that axis. Not negative.

    Raises:
        TypeError: if W is not a linear operator, or `weight` not a number or a floating-point array.
        ValueError: if `weight` is negative or does not fit W, or, when applied, the shape of W x.
    """

    W: LinearOperator
    weight: Float[Array, "..."] | float
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.W, LinearOperator):
            raise TypeError(f"W must be a linear operator such as Dense(matrix); got {type(self.W).__name__}")
        weight = weight_of(self.W, self.weight)
        object.__setattr__(self, "weight", weight)
        require_weights_of(self.W, weight)

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from perturbed differences on signals (n,), two differences and six random filters on images.

        The weight is 0.1 for signals and 0.02 for images, whose eight filters add up.
        """
        if len(shape) == 2:
            return cls(FilterBank(jnp.asarray(initial_filters(shape, seed))), jnp.asarray(0.02, jnp.float64))
        if len(shape) != 1 or shape[0] < 3:
            raise ValueError(
                f"AnalysisL1 starts on signals (n,) with n >= 3 or images (h, w); got shape {shape}"
            )
        matrix = np.diff(np.eye(shape[0]), axis=0) + _perturbation(shape[0], seed)
        return cls(Dense(jnp.asarray(matrix)), jnp.asarray(0.1, jnp.float64))

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the weighted l1 norm of `W x`."""
        responses = self.W(x)
        return jnp.sum(self.weight_like(responses) * jnp.abs(responses))

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, weight=factor * self.weight)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether no weight is negative."""
        return all_nonnegative(jnp.asarray(self.weight))

    def weight_like(self, u: Float[Array, "*range"]) -> Float[Array, "*range"]:
        """Spread the weight over responses (or dual variables) of the shape of `u`."""
        return spread_weight(self.W, jnp.asarray(self.weight), u)


def _perturbation(length: int, seed: int) -> np.ndarray:
    # Rows of norm near 0.1 whatever the length: differences stay recognisable, and no two rows are dependent.
    return 0.1 / np.sqrt(length) * np.random.default_rng([seed, 1]).normal(size=(length - 1, length))
