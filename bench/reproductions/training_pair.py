"""A lower level and its ground truth: what the upper level of bilevel learning is made of."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems import LowerLevel


class TrainingPair(NamedTuple):
    """A lower level and the ground truth that its solution is compared with."""

    lower: LowerLevel
    truth: Float[Array, "..."]

    def loss(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Return the mean squared error of x."""
        return jnp.mean(jnp.square(x - self.truth))
