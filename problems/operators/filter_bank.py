"""A bank of small filters as an operator on images."""

import math
from collections.abc import Callable
from typing import Any, Literal, Self, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..arrays.channels import is_colour
from ..arrays.normal import normal
from ..values.pytree import pytree, static
from ..values.validation import require_dimensions, require_finite, require_floating
from .bank_spectrum import largest_power
from .correlation import correlate, spread
from .normal_stencil import Stencil, bank_stencil

Boundary = Literal["circular", "zero", "reflect", "replicate"]
PAD_MODES: dict[str, str] = {
    "circular": "wrap",
    "zero": "constant",
    "reflect": "reflect",
    "replicate": "edge",
}
LARGE = 2**21
"""Pixels of images whose bank is bounded without transforms, which take several images a filter."""


@pytree
class FilterBank:
    """Cross-correlate an image with each of k filters.

    (W x)_k[i, j] = sum_ab filters[k, a, b] x[i + a - c, j + b - c], c = (s - 1) // 2. Every output has the
    image's size. The image is padded and correlated (`correlation.correlate` says in which form, by the
    device and the image's size); the adjoint spreads the responses (`correlation.spread`) and folds what
    lies beyond the border back. The channels of a colour image (h, w, 3) are correlated one by one with the
    same filters, and lie along the last axis of the responses.

    Args:
        filters: shape (k, s, s), floating.
        boundary: how the image goes on beyond its border: "circular", "zero", "reflect" (the border pixel
            itself is not repeated) or "replicate" (it is, again and again: differences across the border are
            zero, Neumann's condition, as total variation has it); static.

    Raises:
        TypeError: if `filters` is not a floating-point array.
        ValueError: if `filters` is not a finite bank of square filters, if `boundary` is unknown, or, when
            applied, if the image is smaller than a filter.
    """

    filters: Float[Array, "k s s"]
    boundary: Boundary = static(default="circular")

    def __post_init__(self) -> None:
        require_floating("filters", self.filters)
        require_dimensions("filters", self.filters, "(k, s, s)", 3)
        if self.filters.shape[1] != self.filters.shape[2]:
            raise ValueError(f"filters must be square, of shape (k, s, s); got {tuple(self.filters.shape)}")
        if self.boundary not in get_args(Boundary):
            raise ValueError(f"boundary must be one of {get_args(Boundary)}; got {self.boundary!r}")
        require_finite("filters", self.filters)

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make three random filters of 3 x 3 for images, float64."""
        if len(shape) == 1:
            raise ValueError(f"filters need an image (h, w) or (h, w, 3); got shape {shape}")
        return cls(normal((3, 3, 3), seed))

    @property
    def is_circulant(self) -> bool:
        """Tell whether the boundary is circular."""
        return self.boundary == "circular"

    def __call__(self, x: Float[Array, "h w *channels"]) -> Float[Array, "k h w *channels"]:
        """Correlate the image `x` with every filter."""
        if is_colour(x.shape):
            return jax.vmap(self, -1, -1)(x)
        return _responses(self, x)

    def adjoint(self, r: Float[Array, "k h w *channels"]) -> Float[Array, "h w *channels"]:
        """Map one response per filter back to an image."""
        if is_colour(r.shape[1:]):
            return jax.vmap(self.adjoint, -1, -1)(r)
        if r.ndim != 3 or r.shape[0] != self.filters.shape[0]:
            count = self.filters.shape[0]
            raise ValueError(
                f"responses must have shape ({count}, h, w) or ({count}, h, w, 3); got {tuple(r.shape)}"
            )
        return _adjoint(self, r)

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the squared norm by the filters' spectra: exact for "circular".

        A zero boundary restricts a circular bank on the padded grid, whose norm bounds it. Where pixels of
        the border are repeated that bound is multiplied by how often one enters the padded image; the largest
        row sum of |W|^T |W|, filters and padding taken by themselves, is another bound, and the smaller one
        counts.
        """
        shape = shape[:2] if is_colour(shape) else shape
        size = self.filters.shape[1] - 1
        grid = shape if self.boundary == "circular" else (shape[0] + size, shape[1] + size)
        bound = _largest_power(self.filters, grid)
        if self.boundary in ("circular", "zero"):
            return bound
        if math.prod(grid) > LARGE:
            # Pixels far from the border are all alike: a smaller image has the same border and one of them.
            shape = tuple(min(side, 4 * self.filters.shape[1]) for side in shape)
        pad = self._padding(shape)
        ones = jnp.ones(shape, self.filters.dtype)
        repeated = jnp.max(jax.linear_transpose(pad, ones)(pad(ones))[0])
        magnitudes = FilterBank(jnp.abs(self.filters), self.boundary)
        return jnp.minimum(bound * repeated, jnp.max(magnitudes.adjoint(magnitudes(ones))))

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the filters' size less one for images (h, w), else None."""
        along = self.filters.shape[1] - 1
        return (along, along) if len(shape) == 2 else None

    def normal_stencil(self, shape: tuple[int, int], dtype: Any) -> Stencil:
        """Return the sum of the filters' autocorrelations, corrected at the border."""
        return self.weighted_normal_stencil(jnp.ones((len(self.filters), *shape), dtype))

    def weighted_normal_stencil(self, weights: Float[Array, "k h w"]) -> Stencil:
        """Return the sum over outputs i and taps p, q of filters[k, p] filters[k, q] weights[k, i]."""
        return bank_stencil(self.filters, PAD_MODES[self.boundary], weights)

    def _padding(self, shape: tuple[int, ...]) -> Callable[[Array], Array]:
        size = self.filters.shape[1]
        low, high = (size - 1) // 2, size // 2
        if len(shape) != 2 or min(shape) < max(size, high + 1):
            raise ValueError(
                f"filters of {size} x {size} need an image (h, w) or (h, w, 3) at least as large; "
                f"got {tuple(shape)}"
            )
        mode = PAD_MODES[self.boundary]
        return lambda x: _pad(x, low, high, mode)


# Jitted by themselves: a program applies them dozens of times and traces them once.


@jax.jit
def _responses(bank: FilterBank, x: Float[Array, "h w"]) -> Float[Array, "k h w"]:
    return correlate(bank.filters, bank._padding(x.shape)(x))


@jax.jit
def _adjoint(bank: FilterBank, r: Float[Array, "k h w"]) -> Float[Array, "h w"]:
    pad, padded = bank._padding(r.shape[1:]), spread(bank.filters, r)
    # Only its type is looked at, which says inside `jax.shard_map` where devices differ.
    return jax.linear_transpose(pad, padded[: r.shape[1], : r.shape[2]])(padded)[0]


def _largest_power(filters: Float[Array, "k s s"], grid: tuple[int, ...]) -> Float[Array, ""]:
    if math.prod(grid) > LARGE:
        return largest_power(filters, (grid[0], grid[1]))
    spectra = jnp.fft.rfft2(filters, s=grid)
    return jnp.max(jnp.sum(jnp.square(jnp.abs(spectra)), axis=0))


def _pad(x: Float[Array, "*k h w"], low: int, high: int, mode: str) -> Array:
    return jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(low, high)] * 2, mode=mode)
