"""The gradient-step energy of a denoiser."""

import dataclasses
from typing import ClassVar, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...values.pytree import pytree
from ...values.validation import all_nonnegative, require_weight
from .denoiser import Denoiser, require_denoiser
from .steepness import curvature


@pytree
class GradientStep:
    """Penalise what a denoiser removes: R(x) = weight/2 ||x - N(x)||^2.

    Smooth where the network is, and not convex: solvers end in a stationary point, which need not be the only
    one. One evaluation of N with its vector-Jacobian product makes the gradient; no Jacobian is built.
    Source: Hurault, Leclaire and Papadakis, 2022; Zou et al., 2023 (ELDER).

    Args:
        denoiser: N.
        weight: one number, not negative.

    Raises:
        TypeError: if `denoiser` is not a `Denoiser`, or `weight` not a floating-point array.
        ValueError: if `weight` is negative or not one number.
    """

    denoiser: Denoiser
    weight: Float[Array, ""]
    convex: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_denoiser(self.denoiser)
        require_weight(self.weight)

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from the shipped denoiser at sigma = 0.05, with weight 1; nothing is random."""
        del seed
        return cls(Denoiser.shipped(shape), jnp.asarray(1.0, jnp.float64))

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the energy."""
        return 0.5 * self.weight * jnp.sum(jnp.square(x - self.denoiser(x)))

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate weight (r - J^T r), r = x - N(x), J the Jacobian of N at x."""
        denoised, pull_back = jax.vjp(self.denoiser, x)
        removed = x - denoised
        return self.weight * (removed - pull_back(removed)[0])

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, weight=factor * self.weight)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether neither weight nor noise level is negative."""
        return all_nonnegative(self.weight, self.denoiser.sigma)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Estimate the Lipschitz constant of the gradient; see `curvature`."""
        return curvature(jax.lax.stop_gradient(self).gradient, shape, self.weight.dtype)
