"""Circular convolution with a kernel, for deconvolution."""

from typing import Any, Self

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from ..arrays.channels import spatial_shape
from ..arrays.normal import normal
from ..values.pytree import pytree
from ..values.validation import require_dimensions, require_finite, require_floating
from .normal_stencil import Stencil, circulant_stencil


@pytree
class Blur:
    """Convolve a signal or image with a kernel, circularly: (A x)[i] = sum_j kernel[j] x[i + c - j].

    The kernel's centre c is entry `size // 2` along each axis. Colour images (h, w, 3) are blurred channel by
    channel. Forward and adjoint go through the FFT, whose
    cost does not depend on the kernel's size; for a handful of taps a direct sum would be cheaper.

    Args:
        kernel: taps, shape (s,) for signals or (s, t) for images, no longer than the signal.

    Raises:
        TypeError: if `kernel` is not a floating-point array.
        ValueError: if `kernel` is not finite or not 1-D or 2-D, or, when applied, if it does not fit.
    """

    kernel: Float[Array, "..."]

    def __post_init__(self) -> None:
        require_floating("kernel", self.kernel)
        require_dimensions("kernel", self.kernel, "(s,) or (s, t)", 1, 2)
        require_finite("kernel", self.kernel)

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make a random kernel of four taps, or of 4 x 3 for images, float64."""
        return cls(normal((4, 3)[: len(shape)], seed))

    @property
    def is_circulant(self) -> bool:
        """Yes."""
        return True

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Convolve `x` with the kernel."""
        return self._apply(self._spectrum(x.shape), x)

    def adjoint(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Correlate `r` with the kernel."""
        return self._apply(jnp.conj(self._spectrum(r.shape)), r)

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the largest squared modulus of the kernel's spectrum: exact for this shape."""
        return jnp.max(jnp.square(jnp.abs(self._spectrum(shape))))

    def smallest_square(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the smallest squared modulus of the kernel's spectrum: exact for this shape."""
        return jnp.min(jnp.square(jnp.abs(self._spectrum(shape))))

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Divide the spectrum of `r` by 1 + tau |spectrum of the kernel|^2."""
        spectrum = self._spectrum(r.shape)
        squared = jnp.square(jnp.abs(spectrum))
        return self._apply((1 / (1 + tau * squared)).astype(spectrum.dtype), r)

    def reach(self, shape: tuple[int, ...]) -> tuple[int, int] | None:
        """Return the kernel's sizes less one for images (h, w) that are longer than twice that, else None."""
        if len(shape) != 2 or self.kernel.ndim != 2:
            return None
        reach = (self.kernel.shape[0] - 1, self.kernel.shape[1] - 1)
        goes_round = any(length <= 2 * one for length, one in zip(shape, reach, strict=True))
        return None if goes_round else reach

    def normal_stencil(self, shape: tuple[int, int], dtype: Any) -> Stencil:
        """Return the kernel's autocorrelation at every pixel."""
        impulse = jnp.zeros(shape, dtype).at[0, 0].set(1)
        reach = (self.kernel.shape[0] - 1, self.kernel.shape[1] - 1)
        return circulant_stencil(self.adjoint(self(impulse)), reach)

    def _spectrum(self, shape: tuple[int, ...]) -> Complex[Array, "..."]:
        sizes = self.kernel.shape
        spatial = spatial_shape(shape, len(sizes))
        if spatial is None or any(size > length for size, length in zip(sizes, spatial, strict=True)):
            raise ValueError(f"kernel of shape {tuple(sizes)} does not fit a signal of shape {tuple(shape)}")
        padding = [(0, length - size) for size, length in zip(sizes, spatial, strict=True)]
        centred = jnp.roll(
            jnp.pad(self.kernel, padding), [-(size // 2) for size in sizes], tuple(range(len(sizes)))
        )
        return jnp.fft.rfftn(centred)

    def _apply(self, spectrum: Complex[Array, "..."], x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        axes = tuple(range(self.kernel.ndim))
        spectrum = spectrum.reshape(spectrum.shape + (1,) * (x.ndim - len(axes)))
        sizes = x.shape[: len(axes)]
        return jnp.fft.irfftn(spectrum * jnp.fft.rfftn(x, axes=axes), s=sizes, axes=axes)
