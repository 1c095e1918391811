"""Samples of a Fourier transform, for magnetic resonance imaging."""

import warnings
from typing import Self

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from ..arrays.channels import is_colour
from ..arrays.normal import normal
from ..values.pytree import pytree, static
from ..values.validation import (
    is_concrete,
    require_dimensions,
    require_finite,
    require_floating,
    require_real,
)

NEAR = 3
"""Frequencies on either side of zero that masks for undersampled imaging measure."""


@pytree
class MaskedFourier:
    """Keep the known frequencies of a real signal or image: A x = mask * F x, F the orthonormal DFT.

    Real and imaginary part lie along a last axis of length 2, so that every array is real:
    (h, w) goes to (h, w, 2). The adjoint is that of this real map, A^T r = Re F^H (mask * (r_0 + i r_1)).
    Colour images (h, w, 3) are transformed channel by channel, to (h, w, 3, 2).

    Frequencies are in the order of the transform, zero first. With `centred` they are in that of fastMRI,
    SigPy and BART, zero at index n // 2 of an axis of n: F is fftshift . DFT . ifftshift, for mask and
    measurements alike. A warning says where frequency zero is not measured, or where the mask looks as if the
    order were the other.
    A mask of lines is broadcast as in numpy: (w,) or (1, w) measures columns of an image (h, w), whole
    lines along its first axis, and (h, 1) measures rows.
    Source: Pruessmann et al., 1999, without coils; the centred transform is fastMRI's `fft2c`.

    Args:
        mask: one where a frequency is measured, zero elsewhere, shape (n,) or (h, w), or lines; floating.
        centred: whether frequency zero is in the middle; static.

    Raises:
        TypeError: if `mask` is not a floating-point array, or, when applied, if what it is applied to is
            complex.
        ValueError: if `mask` is not finite or not 1-D or 2-D, or, when applied, if shapes do not fit.
    """

    mask: Float[Array, "..."]
    centred: bool = static(default=False)

    def __post_init__(self) -> None:
        require_floating("mask", self.mask)
        require_dimensions("mask", self.mask, "(n,) or (h, w)", 1, 2)
        require_finite("mask", self.mask)
        if is_concrete(self.mask):
            _warn_of_order(np.asarray(self.mask), self.centred)

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make a mask of random weights, one per frequency, float64."""
        return cls(normal(shape[:2], seed))

    @property
    def is_circulant(self) -> bool:
        """Yes: a centred transform shifts the image, which A^T A undoes."""
        return True

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape 2"]:
        """Transform `x` and keep what the mask keeps."""
        require_real("an image", x, "MaskedFourier acts on real images, such as the magnitude")
        axes = self._axes(x.shape)
        x = jnp.fft.ifftshift(x, axes) if self.centred else x
        frequencies = jnp.fft.fftn(x, axes=axes, norm="ortho")
        frequencies = jnp.fft.fftshift(frequencies, axes) if self.centred else frequencies
        parts = jnp.stack([jnp.real(frequencies), jnp.imag(frequencies)], axis=-1)
        return self._spread(self.mask, x.shape)[..., None] * parts

    def adjoint(self, r: Float[Array, "*shape 2"]) -> Float[Array, "*shape"]:
        """Keep what the mask keeps, transform back and take the real part."""
        require_real("measurements", r, "stack them: jnp.stack([y.real, y.imag], axis=-1)")
        if r.ndim < 1 or r.shape[-1] != 2:
            raise ValueError(
                f"frequencies need a last axis of 2, real and imaginary; got shape {tuple(r.shape)}"
            )
        shape = r.shape[:-1]
        axes = self._axes(shape)
        kept = self._spread(self.mask, shape)[..., None] * r
        frequencies = lax.complex(kept[..., 0], kept[..., 1])
        frequencies = jnp.fft.ifftshift(frequencies, axes) if self.centred else frequencies
        x = jnp.real(jnp.fft.ifftn(frequencies, axes=axes, norm="ortho"))
        return jnp.fft.fftshift(x, axes) if self.centred else x

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
        axes = self._axes(r.shape)
        frequencies = jnp.fft.fftn(r, axes=axes)
        divisor = 1 + tau * self._spread(self._eigenvalues(), r.shape)
        return jnp.real(jnp.fft.ifftn(frequencies / divisor.astype(frequencies.dtype), axes=axes))

    def _eigenvalues(self) -> Float[Array, "..."]:
        """Return the eigenvalues of A^T A in the order of the transform, zero first, of the mask's shape.

        They do not see that a centred transform shifts the image: A^T A is a circular convolution.
        """
        squares = jnp.square(self.mask)
        squares = jnp.fft.ifftshift(squares) if self.centred else squares
        # A real signal has conjugate values at k and -k: either measures both.
        opposite = jnp.roll(jnp.flip(squares), 1, tuple(range(squares.ndim)))
        return (squares + opposite) / 2

    def _axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the axes of space; raise `ValueError` where the mask does not fit a signal of this shape."""
        spatial = shape[:2] if is_colour(shape) else shape
        lines = (1,) * (len(spatial) - self.mask.ndim) + tuple(self.mask.shape)
        # Lines are of images alone: a mask of one entry is none for a signal.
        fits = lines == tuple(spatial) or (len(spatial) == 2 and _broadcasts(lines, spatial))
        if not fits or len(spatial) > 2:
            raise ValueError(
                f"mask must have the signal's shape {tuple(shape)}, or be of lines of an image, (w,) or "
                f"(h, 1); got {tuple(self.mask.shape)}"
            )
        return tuple(range(len(spatial)))

    def _spread(self, values: Float[Array, "..."], shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Give values of the mask's shape all axes of a signal of this shape, of length one where need be."""
        space = len(self._axes(shape))
        return values.reshape((1,) * (space - values.ndim) + values.shape + (1,) * (len(shape) - space))


def _broadcasts(lines: tuple[int, ...], spatial: tuple[int, ...]) -> bool:
    return len(lines) == 2 and all(given in (1, side) for given, side in zip(lines, spatial, strict=True))


def _warn_of_order(mask: Float[np.ndarray, "..."], centred: bool) -> None:
    in_order, from_middle = mask != 0, np.fft.ifftshift(mask) != 0
    measured, otherwise = (from_middle, in_order) if centred else (in_order, from_middle)
    if not mask.size or _measures_near_zero(measured):
        return
    advice = (
        "leave centred=True out if the mask begins with frequency zero"
        if centred
        else "give centred=True if frequency zero is in the mask's middle, as in fastMRI, SigPy and BART"
    )
    if not measured.flat[0]:
        reason = "frequency zero is not measured, and with it the mean of the image"
        warnings.warn(f"{reason}: {advice}", stacklevel=4)
    # Of dense masks chance alone would be suspected.
    elif _measures_near_zero(otherwise) and measured.mean() < 0.5:
        reason = "the mask does not measure all frequencies next to zero, and would in the other order"
        warnings.warn(f"{reason}: {advice}", stacklevel=4)


def _measures_near_zero(measured: np.ndarray) -> bool:
    """Tell whether frequency zero, first in every axis, and those next to it are measured."""
    for axis, length in enumerate(measured.shape):
        near = min(NEAR, (length - 1) // 2)
        measured = np.take(measured, range(-near, near + 1), axis, mode="wrap")
    return bool(measured.all())
