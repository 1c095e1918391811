"""A bank of small filters as an operator on images."""

from collections.abc import Callable
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Float

from .pytree import pytree, static
from .validation import require_dimensions, require_finite, require_floating

Boundary = Literal["circular", "zero", "reflect"]
PAD_MODES: dict[str, str] = {"circular": "wrap", "zero": "constant", "reflect": "reflect"}
_LAYOUT = ("NHWC", "HWIO", "NHWC")


@pytree
class FilterBank:
    """Cross-correlate an image with each of k filters.

    (W x)_k[i, j] = sum_ab filters[k, a, b] x[i + a - c, j + b - c], c = (s - 1) // 2. Every output has the
    image's size. Convolutions keep channels last, the layout that XLA's CPU backend runs fastest, and the
    adjoint is a full convolution followed by the transpose of the padding.

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
        kernel = jnp.moveaxis(self.filters, 0, -1)[:, :, None, :]
        padded = self._padding(x.shape)(x)[None, :, :, None]
        return jnp.moveaxis(_convolve(padded, kernel, 0)[0], -1, 0)

    def adjoint(self, r: Float[Array, "k h w"]) -> Float[Array, "h w"]:
        """Map one response per filter back to an image."""
        if r.ndim != 3 or r.shape[0] != self.filters.shape[0]:
            raise ValueError(
                f"responses must have shape ({self.filters.shape[0]}, h, w); got {tuple(r.shape)}"
            )
        kernel = jnp.moveaxis(jnp.flip(self.filters, (1, 2)), 0, -1)[:, :, :, None]
        full = _convolve(jnp.moveaxis(r, 0, -1)[None], kernel, self.filters.shape[1] - 1)[0, :, :, 0]
        image = jax.ShapeDtypeStruct(r.shape[1:], r.dtype)
        return jax.linear_transpose(self._padding(image.shape), image)(full)[0]

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
        return lambda x: jnp.pad(x, ((low, high), (low, high)), mode=mode)


def _convolve(x: Float[Array, "1 h w i"], kernel: Float[Array, "s s i o"], padding: int) -> Array:
    return jax.lax.conv_general_dilated(
        x, kernel, (1, 1), [(padding, padding)] * 2, dimension_numbers=_LAYOUT, precision=Precision.HIGHEST
    )
