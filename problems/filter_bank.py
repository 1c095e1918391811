"""A bank of small filters as an operator on images."""

from collections.abc import Callable
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .correlation import correlate, spread
from .pytree import pytree, static
from .validation import require_dimensions, require_finite, require_floating

Boundary = Literal["circular", "zero", "reflect"]
PAD_MODES: dict[str, str] = {"circular": "wrap", "zero": "constant", "reflect": "reflect"}


@pytree
class FilterBank:
    """Cross-correlate an image with each of k filters.

    (W x)_k[i, j] = sum_ab filters[k, a, b] x[i + a - c, j + b - c], c = (s - 1) // 2. Every output has the
    image's size. The image is padded and correlated (`correlation.correlate` says in which form, by the
    device and the image's size); the adjoint spreads the responses (`correlation.spread`) and folds what
    lies beyond the border back.

    Args:
        filters: shape (k, s, s), floating.
        boundary: how the image goes on beyond its border: "circular", "zero" or "reflect" (the border pixel
            itself is not repeated).

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

    def __call__(self, x: Float[Array, "h w"]) -> Float[Array, "k h w"]:
        """Correlate the image `x` with every filter."""
        return correlate(self.filters, self._padding(x.shape)(x))

    def adjoint(self, r: Float[Array, "k h w"]) -> Float[Array, "h w"]:
        """Map one response per filter back to an image."""
        if r.ndim != 3 or r.shape[0] != self.filters.shape[0]:
            raise ValueError(
                f"responses must have shape ({self.filters.shape[0]}, h, w); got {tuple(r.shape)}"
            )
        image = jax.ShapeDtypeStruct(r.shape[1:], r.dtype)
        return jax.linear_transpose(self._padding(image.shape), image)(spread(self.filters, r))[0]

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the squared norm by the filters' spectra: exact for "circular".

        A zero boundary restricts a circular bank on the padded grid, whose norm bounds it. A reflecting
        boundary multiplies that bound by how often one pixel enters the padded image.
        """
        size = self.filters.shape[1] - 1
        grid = shape if self.boundary == "circular" else (shape[0] + size, shape[1] + size)
        spectra = jnp.fft.rfft2(self.filters, s=grid)
        bound = jnp.max(jnp.sum(jnp.square(jnp.abs(spectra)), axis=0))
        if self.boundary != "reflect":
            return bound
        pad = self._padding(shape)
        image = jnp.zeros(shape, self.filters.dtype)
        return bound * jnp.max(jax.linear_transpose(pad, image)(jnp.ones_like(pad(image)))[0])

    def _padding(self, shape: tuple[int, ...]) -> Callable[[Array], Array]:
        size = self.filters.shape[1]
        low, high = (size - 1) // 2, size // 2
        if len(shape) != 2 or min(shape) < max(size, high + 1):
            raise ValueError(
                f"filters of {size} x {size} need an image (h, w) at least as large; got {tuple(shape)}"
            )
        mode = PAD_MODES[self.boundary]
        return lambda x: _pad(x, low, high, mode)


def _pad(x: Float[Array, "*k h w"], low: int, high: int, mode: str) -> Array:
    return jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(low, high)] * 2, mode=mode)
