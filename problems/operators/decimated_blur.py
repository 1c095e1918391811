"""Blur and keep every second or third sample, for super-resolution."""

from typing import Self

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..arrays.channels import spatial_shape
from ..values.pytree import pytree, static
from .blur import Blur


@pytree
class DecimatedBlur:
    """Convolve circularly and keep one sample of `factor` along each axis: A x = (kernel * x)[::factor].

    The first sample of each block is kept. Colour images (h, w, 3) are treated channel by channel.

    Args:
        kernel: taps, see `Blur`.
        factor: whole number, at least 1, that divides the sides of the signals; static.

    Raises:
        TypeError: if `kernel` is not a floating-point array.
        ValueError: if `kernel` is not finite or not 1-D or 2-D, if `factor` is not a whole number of at least
            1, or, when applied, if kernel or factor do not fit.
    """

    kernel: Float[Array, "..."]
    factor: int = static(default=2)

    def __post_init__(self) -> None:
        Blur(self.kernel)
        if not isinstance(self.factor, int) or isinstance(self.factor, bool) or self.factor < 1:
            raise ValueError(f"factor must be a whole number, at least 1; got {self.factor!r}")

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make one with the kernel of a blur's example, which keeps every second sample."""
        return cls(Blur.example(shape, seed).kernel)

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*range"]:
        """Convolve `x` and keep the first sample of each block."""
        self._require_whole_blocks(x.shape)
        return Blur(self.kernel)(x)[self._kept]

    def adjoint(self, r: Float[Array, "*range"]) -> Float[Array, "*shape"]:
        """Put zeros between the samples of `r` and correlate with the kernel."""
        axes = self.kernel.ndim
        sides = tuple(self.factor * side for side in r.shape[:axes]) + r.shape[axes:]
        return Blur(self.kernel).adjoint(jnp.zeros(sides, r.dtype).at[self._kept].set(r))

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return the largest eigenvalue of A A^T: exact for this shape."""
        return jnp.max(self._eigenvalues(shape))

    def smallest_square(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Return 0, since decimation has a null space, or for a factor of 1 the blur's own value."""
        if self.factor == 1:
            return Blur(self.kernel).smallest_square(shape)
        return jnp.zeros((), self.kernel.dtype)

    def resolvent(self, r: Float[Array, "*shape"], tau: Float[Array, ""]) -> Float[Array, "*shape"]:
        """Return r - tau A^T (I + tau A A^T)^{-1} A r, the inverse by dividing spectra on the coarse grid.

        Source: Zhao et al., 2016 (closed form of super-resolution with a circulant blur).
        """
        coarse = self(r)
        axes = tuple(range(self.kernel.ndim))
        divisor = 1 + tau * self._eigenvalues(r.shape)
        frequencies = jnp.fft.fftn(coarse, axes=axes)
        divisor = divisor.reshape(divisor.shape + (1,) * (r.ndim - divisor.ndim)).astype(frequencies.dtype)
        solved = jnp.real(jnp.fft.ifftn(frequencies / divisor, axes=axes))
        return r - tau * self.adjoint(solved)

    def _eigenvalues(self, shape: tuple[int, ...]) -> Float[Array, "..."]:
        """Return the spectrum of A A^T, which is circulant on the coarse grid.

        It is the mean of the kernel's squared spectrum over the frequencies that decimation makes one.
        """
        self._require_whole_blocks(shape)
        spatial = shape[: self.kernel.ndim]
        impulse = jnp.zeros(spatial, self.kernel.dtype).at[(0,) * len(spatial)].set(1)
        squares = jnp.square(jnp.abs(jnp.fft.fftn(Blur(self.kernel)(impulse))))
        split = [size for side in spatial for size in (self.factor, side // self.factor)]
        return jnp.mean(squares.reshape(split), axis=tuple(range(0, len(split), 2)))

    @property
    def _kept(self) -> tuple[slice, ...]:
        return (slice(None, None, self.factor),) * self.kernel.ndim

    def _require_whole_blocks(self, shape: tuple[int, ...]) -> None:
        spatial = spatial_shape(shape, self.kernel.ndim)
        if spatial is None or any(side % self.factor for side in spatial):
            raise ValueError(
                f"a kernel of shape {tuple(self.kernel.shape)} and factor {self.factor} need a signal of as "
                f"many axes with sides that the factor divides; got shape {tuple(shape)}"
            )
