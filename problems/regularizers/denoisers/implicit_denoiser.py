"""A denoiser's residual in the place of a gradient."""

import dataclasses
from typing import Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...values.pytree import pytree
from ...values.validation import all_nonnegative, require_weight
from .denoiser import Denoiser, require_denoiser
from .steepness import steepness


@pytree
class ImplicitDenoiser:
    """Put weight (x - N(x)) where an energy's gradient would stand: there is no energy.

    The solution is a zero of A^T (A x - y) + weight (x - N(x)). It exists and iterations find it where N is
    a contraction; of a trained network that is not certain.
    Source: Romano, Elad and Milanfar, 2017; Zou et al., 2023 (the implicit baseline of ELDER).

    Args:
        denoiser: N.
        weight: one number, not negative.

    Raises:
        TypeError: if `denoiser` is not a `Denoiser`, or `weight` not a floating-point array.
        ValueError: if `weight` is negative or not one number.
    """

    denoiser: Denoiser
    weight: Float[Array, ""]

    def __post_init__(self) -> None:
        require_denoiser(self.denoiser)
        require_weight(self.weight)

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from the shipped denoiser at sigma = 0.05, with weight 1; nothing is random."""
        del seed
        return cls(Denoiser.shipped(shape), jnp.asarray(1.0, jnp.float64))

    def operator(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate weight (x - N(x))."""
        return self.weight * (x - self.denoiser(x))

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, weight=factor * self.weight)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether neither weight nor noise level is negative."""
        return all_nonnegative(self.weight, self.denoiser.sigma)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Estimate the Lipschitz constant of the operator; see `steepness`."""
        return steepness(jax.lax.stop_gradient(self).operator, shape, self.weight.dtype)
