"""Numbers that follow the count of steps: step sizes and accuracies."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.values.configuration import configuration

Schedule = Callable[[Int[Array, ""]], Float[Array, ""]]
"""From the number of steps made so far to a number; those of optax are such functions."""


@configuration
class PowerDecay:
    """Fall from the first value like (1 + k)^(-exponent), k the number of steps made so far.

    Args:
        first: the value at k = 0.
        exponent: 0 stays at the first value.

    Raises:
        ValueError: if `first` is not positive or `exponent` negative.
    """

    first: float
    exponent: float = 0.5

    def __post_init__(self) -> None:
        if not (self.first > 0 and self.exponent >= 0):
            raise ValueError(
                f"first must be positive and exponent at least 0; got {self.first} and {self.exponent}"
            )

    def __call__(self, count: Int[Array, ""]) -> Float[Array, ""]:
        """Return the value after so many steps."""
        made = jnp.asarray(count, jnp.result_type(float))
        return self.first * jnp.power(1 + made, -self.exponent)
