"""The lower-level problem."""

import dataclasses
from typing import Any, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .linear_operator import LinearOperator
from .pytree import pytree
from .regularizer import Regularizer
from .validation import is_concrete, require_finite, require_floating


@pytree
class LowerLevel:
    """Hold the variational problem  min_x 1/2 ||A x - y||^2 + R(x), of which every array is a leaf.

    Args:
        A: linear operator from the signal to the measurement.
        y: measurement, of the shape that A maps to.
        regularizer: R, with its parameters.

    Raises:
        TypeError: if `y` is not a floating-point array.
        ValueError: if `y` is not finite, or the shapes of A, y and the regulariser do not fit together.
    """

    A: LinearOperator
    y: Float[Array, "..."]
    regularizer: Regularizer

    def __post_init__(self) -> None:
        require_floating("y", self.y)
        require_finite("y", self.y)
        # Tracing without computing finds every mismatch; the operators' own messages say which. Inside a
        # trace the operators say it themselves when they are used.
        if is_concrete(self.y):
            jax.eval_shape(lambda lower: lower.value(lower.A.adjoint(lower.y)), self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the signal or image x."""
        return jax.eval_shape(lambda lower: lower.A.adjoint(lower.y), self).shape

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other `A`, `y` or `regularizer`."""
        return dataclasses.replace(self, **changes)

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the energy at x."""
        return 0.5 * jnp.sum(jnp.square(self.A(x) - self.y)) + self.regularizer.value(x)

    def data_gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate A^T (A x - y)."""
        return self.A.adjoint(self.A(x) - self.y)

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the gradient of the energy; the regulariser must be smooth.

        Raises:
            TypeError: if the regulariser has no gradient.
        """
        if not hasattr(self.regularizer, "gradient"):
            raise TypeError(f"{type(self.regularizer).__name__} has no gradient: it is not smooth")
        return self.data_gradient(x) + self.regularizer.gradient(x)  # pyright: ignore
