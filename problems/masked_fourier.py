"""Samples of a Fourier transform, for magnetic resonance imaging."""

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from .channels import spatial_shape
from .pytree import pytree
from .validation import require_dimensions, require_finite, require_floating


@pytree
class MaskedFourier:
    """Keep the known frequencies of a real signal or image: A x = mask * F x, F the orthonormal DFT.

    Real and imaginary part lie along a last axis of length 2, so that every array is real:
    (h, w) goes to (h, w, 2). The adjoint is that of this real map, A^T r = Re F^H (mask * (r_0 + i r_1)).
    Frequencies are in the order of the transform, zero first. Colour images (h, w, 3) are transformed channel
    by channel, to (h, w, 3, 2).

    Args:
        mask: one where a frequency is measured, zero elsewhere, shape (n,) or (h, w); floating.

    Raises:
        TypeError: if `mask` is not a floating-point array.
        ValueError: if `mask` is not finite or not 1-D or 2-D, or, when applied, if shapes do not fit.
    """

    mask: Float[Array, "..."]

    def __post_init__(self) -> None:
        require_floating("mask", self.mask)
        require_dimensions("mask", self.mask, "(n,) or (h, w)", 1, 2)
        require_finite("mask", self.mask)

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape 2"]:
        """Transform `x` and keep what the mask keeps."""
        frequencies = jnp.fft.fftn(x, axes=self._axes, norm="ortho")
        parts = jnp.stack([jnp.real(frequencies), jnp.imag(frequencies)], axis=-1)
        return self._spread(x.shape)[..., None] * parts

    def adjoint(self, r: Float[Array, "*shape 2"]) -> Float[Array, "*shape"]:
        """Keep what the mask keeps, transform back and take the real part."""
        if r.ndim < 1 or r.shape[-1] != 2:
            raise ValueError(
                f"frequencies need a last axis of 2, real and imaginary; got shape {tuple(r.shape)}"
            )
        kept = self._spread(r.shape[:-1])[..., None] * r
        frequencies = lax.complex(kept[..., 0], kept[..., 1])
        return jnp.real(jnp.fft.ifftn(frequencies, axes=self._axes, norm="ortho"))

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the largest eigenvalue of A^T A: exact."""
        del shape
        return jnp.max(self._eigenvalues())

    def smallest_square(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the smallest eigenvalue of A^T A: exact."""
        del shape
        return jnp.min(self._eigenvalues())

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Divide the spectrum of `r` by 1 + tau times the eigenvalues of A^T A."""
        self._spread(r.shape)
        divisor = 1 + tau * self._eigenvalues()
        frequencies = jnp.fft.fftn(r, axes=self._axes)
        divisor = divisor.reshape(divisor.shape + (1,) * (r.ndim - divisor.ndim)).astype(frequencies.dtype)
        return jnp.real(jnp.fft.ifftn(frequencies / divisor, axes=self._axes))

    def _eigenvalues(self) -> Float[Array, "..."]:
        # A real signal has conjugate values at k and -k: either measures both.
        squares = jnp.square(self.mask)
        opposite = jnp.roll(jnp.flip(squares), 1, self._axes)
        return (squares + opposite) / 2

    @property
    def _axes(self) -> tuple[int, ...]:
        return tuple(range(self.mask.ndim))

    def _spread(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        if spatial_shape(shape, self.mask.ndim) != tuple(self.mask.shape):
            raise ValueError(
                f"mask must have the signal's shape {tuple(shape)}; got {tuple(self.mask.shape)}"
            )
        return self.mask.reshape(self.mask.shape + (1,) * (len(shape) - self.mask.ndim))
