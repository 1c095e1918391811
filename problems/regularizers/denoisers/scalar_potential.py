"""A network whose outputs add up to an energy."""

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
class ScalarPotential:
    """Penalise the sum of a network's outputs: R(x) = weight sum_j N_j(x).

    A network for this energy is trained such that x - grad R(x) denoises, which a denoiser's weights do not
    give: their sum is about the brightness of x. Not convex, and nothing keeps it above zero: where A loses
    some directions, a minimiser may be far or not exist. No Jacobian is built.
    Source: Cohen et al., 2021; Zou et al., 2023 (ELDER).

    Args:
        denoiser: N; here a network that was trained for this energy.
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
        """Start from the shipped potential at sigma = 0.05, with weight 1; nothing is random."""
        del seed
        return cls(Denoiser.shipped(shape, "potential"), jnp.asarray(1.0, jnp.float64))

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the energy."""
        return self.weight * jnp.sum(self.denoiser(x))

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate weight J^T 1, J the Jacobian of N at x."""
        outputs, pull_back = jax.vjp(self.denoiser, x)
        return self.weight * pull_back(jnp.ones_like(outputs))[0]

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, weight=factor * self.weight)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether neither weight nor noise level is negative."""
        return all_nonnegative(self.weight, self.denoiser.sigma)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Estimate the Lipschitz constant of the gradient; see `curvature`."""
        return curvature(jax.lax.stop_gradient(self).gradient, shape, self.weight.dtype)
