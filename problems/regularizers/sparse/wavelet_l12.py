"""The weighted group norm of wavelet coefficients."""

import dataclasses
from typing import ClassVar, Literal, Self, get_args

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...arrays.channels import is_colour
from ...arrays.euclidean_norm import unit_of
from ...arrays.safe_root import safe_root
from ...operators.wavelet_transform import WaveletTransform, most_levels
from ...values.pytree import pytree, static
from ...values.validation import require_finite, require_floating
from .wavelet_l1 import START

Group = Literal["channels", "bands"]


@pytree
class WaveletL12:
    """Penalise groups of wavelet coefficients by their Euclidean norms: R(x) = sum_g w_g ||(W x)_g||.

    A group across channels holds one place, scale and band in the three colours: edges are found together.
    A group across bands holds the three bands at one place and scale, each channel apart; it is what
    `initial` takes for grey images. Weights are exponentials of free parameters. W is orthonormal, so that
    the proximal operator shrinks each group's norm. The approximation has a weight of its own, see
    `WaveletL1`; across bands its coefficients are groups of one.
    Source: Davy, Briceno-Arias and Pustelnik, 2025 (arXiv 2506.13239), whose code has both groups; Yuan and
    Lin, 2006 (group norm).

    Args:
        detail: logarithms of the details' weights: shape (levels, 3), scales from the finest and bands, for
            groups across channels; (levels,) for groups across bands.
        approximation: logarithm of the approximation's weight, shape ().
        across: "channels" (colour only) or "bands"; static.
        wavelet: see `WaveletTransform`; static.

    Raises:
        TypeError: if a parameter is not a floating-point array.
        ValueError: if one is not finite or its shape is another, if `across` is unknown, or, when applied, if
            the image does not fit.
    """

    detail: Float[Array, "..."]
    approximation: Float[Array, ""]
    across: Group = static(default="channels")
    wavelet: str = static(default="db4")
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.across not in get_args(Group):
            raise ValueError(f"across must be one of {get_args(Group)}; got {self.across!r}")
        for name in ("detail", "approximation"):
            require_floating(name, getattr(self, name))
            require_finite(name, getattr(self, name))
        expected = (3,) if self.across == "channels" else ()
        if self.detail.ndim < 1 or self.detail.shape[0] < 1 or self.detail.shape[1:] != expected:
            raise ValueError(
                f"detail must have shape {('levels', *expected)} across {self.across}; "
                f"got {tuple(self.detail.shape)}"
            )
        if self.approximation.shape != ():
            raise ValueError(f"approximation must have shape (); got {tuple(self.approximation.shape)}")

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start with weights exp(-3), across channels on (h, w, 3) and across bands on (h, w).

        On four levels, or on fewer where 2^levels must divide the sides.

        Raises:
            ValueError: if `shape` is not (h, w) or (h, w, 3), or a side is odd.
        """
        del seed
        levels = (most_levels(shape),)
        start = jnp.asarray(START, jnp.float64)
        if is_colour(shape):
            return cls(jnp.full((*levels, 3), START, jnp.float64), start, "channels")
        return cls(jnp.full(levels, START, jnp.float64), start, "bands")

    @property
    def W(self) -> WaveletTransform:
        """The orthonormal transform."""
        return WaveletTransform(self.detail.shape[0], self.wavelet)

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with all its weights multiplied, the approximation's too."""
        more = jnp.log(factor)
        return dataclasses.replace(self, detail=self.detail + more, approximation=self.approximation + more)

    def value(self, x: Float[Array, "*shape"]) -> Float[Array, ""]:
        """Evaluate the weighted sum of the groups' norms."""
        u = self.W(x)
        norms, members = self._norms(u)
        # Each member of a group holds its norm and counts it in part.
        return jnp.sum(self._weights(u) * norms / members)

    def prox(self, x: Float[Array, "*shape"], step: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return argmin_z step R(z) + 1/2 ||z - x||^2: a group u becomes u max(0, 1 - step w / ||u||)."""
        u = self.W(x)
        norms, _ = self._norms(u)
        safe = jnp.where(norms > 0, norms, jnp.ones_like(norms))
        kept = jnp.maximum(1 - step * self._weights(u) / safe, 0)
        # Also the derivative of a group of zeros is zero.
        return self.W.adjoint(u * jnp.where(norms > 0, kept, jnp.zeros_like(kept)))

    def _weights(self, u: Array) -> Array:
        """Return the weight of each coefficient's group, shape of `u`."""
        levels = self.detail.shape[0]
        scales, bands = self.W.scales_and_bands((u.shape[0], u.shape[1]))
        place = 3 * scales + bands if self.across == "channels" else scales
        table = jnp.concatenate([self.detail.ravel(), self.approximation[None]])
        weights = jnp.exp(table)[np.where(scales < levels, place, self.detail.size)]
        return jnp.broadcast_to(weights.reshape(weights.shape + (1,) * (u.ndim - 2)), u.shape)

    def _norms(self, u: Array) -> tuple[Array, Array]:
        """Return the norm of each coefficient's group and how many coefficients the group has."""
        unit = unit_of(u)
        squares = jnp.square(u / unit)
        if self.across == "channels":
            if not is_colour(u.shape):
                raise ValueError(f"groups across channels need a colour image (h, w, 3); got {u.shape}")
            sums = jnp.broadcast_to(jnp.sum(squares, axis=-1, keepdims=True), u.shape)
            return unit * safe_root(sums), jnp.full_like(u, 3)
        sums, members = squares, jnp.ones_like(u)
        for level in range(self.detail.shape[0]):
            low, left = (slice(side >> (level + 1)) for side in u.shape[:2])
            high, right = (slice(side >> (level + 1), side >> level) for side in u.shape[:2])
            bands = (high, left), (low, right), (high, right)
            total = squares[bands[0]] + squares[bands[1]] + squares[bands[2]]
            for band in bands:
                sums, members = sums.at[band].set(total), members.at[band].set(3)
        return unit * safe_root(sums), members
