"""A denoiser in the place of a proximal operator."""

from typing import Self

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...values.pytree import pytree
from ...values.validation import all_nonnegative, is_concrete, require_floating
from .denoiser import Denoiser, require_denoiser


@pytree
class PlugAndPlay:
    """Put a relaxed denoiser where a proximal operator would stand: P(x) = x + relaxation (N(x) - x).

    There is no energy. The step size does not enter P, as usual in plug-and-play iterations, so that the
    fixed point of a solver depends on its step size as well as on sigma: with forward-backward steps tau it
    solves  x = P(x - tau A^T (A x - y)).  As tau is a multiple of 1 / ||A||^2, the hypergradient by A's
    arrays has a share that comes through it; where ||A||^2 is attained more than once, as by a mask of zeros
    and ones, the solution has a kink in them.
    Source: Venkatakrishnan, Bouman and Wohlberg, 2013.

    Args:
        denoiser: N; its sigma, a leaf, is what tunes the strength.
        relaxation: one number in [0, 1]; 1 is N itself. Less makes a contraction of the iteration likelier.

    Raises:
        TypeError: if `denoiser` is not a `Denoiser`, or `relaxation` not a floating-point array.
        ValueError: if `relaxation` is not one number in [0, 1].
    """

    denoiser: Denoiser
    relaxation: Float[Array, ""]

    def __post_init__(self) -> None:
        require_denoiser(self.denoiser)
        require_floating("relaxation", self.relaxation)
        if self.relaxation.shape != ():
            raise ValueError(f"relaxation must be one number; got shape {tuple(self.relaxation.shape)}")
        if is_concrete(self.relaxation) and not 0 <= float(self.relaxation) <= 1:
            raise ValueError(f"relaxation must be between 0 and 1; got {float(self.relaxation):g}")

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from the shipped denoiser at sigma = 0.05, not relaxed; nothing is random."""
        del seed
        return cls(Denoiser.shipped(shape), jnp.asarray(1.0, jnp.float64))

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether the relaxation is in [0, 1] and the noise level not negative."""
        return all_nonnegative(self.relaxation, 1 - self.relaxation, self.denoiser.sigma)

    def prox(self, x: Float[Array, "*shape"], step: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Denoise; the step size changes nothing."""
        del step
        return x + self.relaxation * (self.denoiser(x) - x)
