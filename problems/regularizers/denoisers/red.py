"""Regularisation by denoising."""

import dataclasses
from typing import ClassVar, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...arrays.mesh_axes import differing_as
from ...values.pytree import pytree
from ...values.validation import all_nonnegative, require_weight
from .denoiser import Denoiser, require_denoiser
from .steepness import curvature


@pytree
class Red:
    """Penalise what of an image a denoiser removes: R(x) = weight/2 <x, x - N(x)>.

    The gradient is that of this energy whatever the network: for one that is not homogeneous, or whose
    Jacobian is not symmetric, it is not x - N(x) (Reehorst and Schniter, 2019). Not convex, and nothing keeps
    it above zero. No Jacobian is built.
    Source: Romano, Elad and Milanfar, 2017; Zou et al., 2023 (ELDER).

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
        return 0.5 * self.weight * jnp.sum(x * (x - self.denoiser(x)))

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate weight (x - (N(x) + J^T x)/2), J the Jacobian of N at x."""
        denoised, pull_back = jax.vjp(self.denoiser, x)
        return self.weight * (x - 0.5 * (denoised + pull_back(differing_as(x, denoised))[0]))

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, weight=factor * self.weight)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether neither weight nor noise level is negative."""
        return all_nonnegative(self.weight, self.denoiser.sigma)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Estimate the Lipschitz constant of the gradient; see `curvature`."""
        return curvature(jax.lax.stop_gradient(self).gradient, shape, self.weight.dtype)
