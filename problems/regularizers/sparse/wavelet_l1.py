"""The weighted l1 norm of wavelet coefficients."""

import dataclasses
from typing import ClassVar, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...arrays.channels import CHANNELS, is_colour
from ...operators.wavelet_transform import WaveletTransform, most_levels
from ...values.pytree import pytree, static
from ...values.validation import require_finite, require_floating

START = -3.0
"""Logarithm of the weights with which the authors start."""


@pytree
class WaveletL1:
    """Penalise wavelet coefficients: R(x) = sum_i w_i |(W x)_i|, a weight for each scale, band and channel.

    Every weight is the exponential of a free parameter. W is orthonormal, so that the proximal operator is a
    soft threshold of the coefficients. The approximation has weights of its own and shrinks as well, as in
    the authors' code: an image loses a little brightness where they are not small.
    Source: Davy, Briceno-Arias and Pustelnik, 2025 (arXiv 2506.13239), weighted wavelet model.

    Args:
        detail: logarithms of the details' weights, shape (levels, 3, c): scales from the finest, bands down,
            across and both, channels 1 for grey or 3 for colour.
        approximation: logarithms of the approximation's weights, shape (c,).
        wavelet: see `WaveletTransform`; static.

    Raises:
        TypeError: if a parameter is not a floating-point array.
        ValueError: if one is not finite or its shape is another, or, when applied, if the image does not fit.
    """

    detail: Float[Array, "levels 3 c"]
    approximation: Float[Array, " c"]
    wavelet: str = static(default="db4")
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("detail", "approximation"):
            require_floating(name, getattr(self, name))
            require_finite(name, getattr(self, name))
        shape = self.detail.shape
        if len(shape) != 3 or shape[0] < 1 or shape[1] != 3 or shape[2] not in (1, CHANNELS):
            raise ValueError(f"detail must have shape (levels, 3, 1 or 3); got {tuple(shape)}")
        if self.approximation.shape != shape[2:]:
            raise ValueError(
                f"approximation must be one per channel, shape {shape[2:]}; got {self.approximation.shape}"
            )

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start with weights exp(-3), on four levels, or on fewer where 2^levels must divide the sides.

        Raises:
            ValueError: if `shape` is not (h, w) or (h, w, 3), or a side is odd.
        """
        del seed
        channels = CHANNELS if is_colour(shape) else 1
        levels = most_levels(shape)
        return cls(
            jnp.full((levels, 3, channels), START, jnp.float64), jnp.full(channels, START, jnp.float64)
        )

    @property
    def W(self) -> WaveletTransform:
        """The orthonormal transform."""
        return WaveletTransform(self.detail.shape[0], self.wavelet)

    def weight_like(self, u: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Spread the weights over coefficients of the shape of `u`."""
        levels, bands, channels = self.detail.shape
        if (CHANNELS if is_colour(u.shape) else 1) != channels:
            what = "colour images (h, w, 3)" if channels == CHANNELS else "grey images (h, w)"
            raise ValueError(f"these weights are for {what}; got shape {tuple(u.shape)}")
        scales, band = self.W.scales_and_bands((u.shape[0], u.shape[1]))
        # Row levels * 3 holds the approximation's weights.
        table = jnp.concatenate([self.detail.reshape(levels * bands, channels), self.approximation[None]])
        row = np.where(scales < levels, bands * scales + band, levels * bands)
        return jnp.exp(table)[row].reshape(u.shape)

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with all its weights multiplied, the approximation's too."""
        more = jnp.log(factor)
        return dataclasses.replace(self, detail=self.detail + more, approximation=self.approximation + more)

    def value(self, x: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Evaluate the weighted l1 norm of the coefficients."""
        u = self.W(x)
        return jnp.sum(self.weight_like(u) * jnp.abs(u))

    def prox(self, x: Float[Array, "*shape"], step: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return argmin_z step R(z) + 1/2 ||z - x||^2: coefficients shrink by step times their weight."""
        u = self.W(x)
        bound = step * self.weight_like(u)
        return self.W.adjoint(u - jnp.clip(u, -bound, bound))
