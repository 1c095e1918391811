"""An orthonormal wavelet transform of images."""

import functools
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import Precision
from jaxtyping import Array, Float, Int

from ..arrays.channels import is_colour
from ..values.pytree import pytree, static

_ORTHOGONAL = 1e-9


@pytree
class WaveletTransform:
    """Transform an image into wavelet coefficients, periodically: W^T W = W W^T = identity.

    The coefficients lie where the image was, in an array of its shape: the approximation of the last level at
    the top left, and around it, level by level, the details down (below), across (to the right) and both
    (diagonally). Along each axis a level is low[k] = sum_j h_j x[2 k + c - j] and the same with the high-pass
    filter g; c is half the number of taps, as in PyWavelets' mode "periodization". The channels of a colour
    image (h, w, 3) are transformed one by one. It has no leaves: the filters are fixed. A level is a product
    with a matrix along each axis, which compiles at once and is fast up to some hundred pixels per side; for
    much larger images its cost, the cube of the side, is too much.
    Source: Daubechies, 1988; Mallat, 1989; filters from PyWavelets.

    Args:
        levels: how often the approximation is split; 2^levels must divide both sides of the image; static.
        wavelet: name of an orthogonal wavelet of PyWavelets, "db4" with eight taps; static.

    Raises:
        ValueError: if `levels` is not a whole number of at least 1, if `wavelet` is unknown or not
            orthogonal, or, when applied, if the image cannot be split so often.
    """

    levels: int = static(default=4)
    wavelet: str = static(default="db4")

    def __post_init__(self) -> None:
        if not isinstance(self.levels, int) or isinstance(self.levels, bool) or self.levels < 1:
            raise ValueError(f"levels must be a whole number, at least 1; got {self.levels!r}")
        if not is_orthogonal(self.wavelet):
            raise ValueError(
                f"wavelet must be the name of an orthogonal wavelet such as 'db4'; got {self.wavelet!r}"
            )

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make a transform of two levels, or of one where the image's sides allow no more."""
        del seed
        transform = cls(2 if all(side % 4 == 0 for side in shape[:2]) else 1)
        transform._require_divisible(shape)
        return transform

    def __call__(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the coefficients of the image `x`, (h, w) or (h, w, 3)."""
        self._require_divisible(x.shape)
        return _coefficients(self, jnp.asarray(x))

    def adjoint(self, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the image with the coefficients `r`: the adjoint is the inverse."""
        self._require_divisible(r.shape)
        return _image(self, jnp.asarray(r))

    def squared_norm(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        del shape
        return 1.0

    def smallest_square(self, shape: tuple[int, ...]) -> float:
        """Return 1."""
        del shape
        return 1.0

    def scales_and_bands(
        self, shape: tuple[int, int]
    ) -> tuple[Int[np.ndarray, "h w"], Int[np.ndarray, "h w"]]:
        """Return, for each coefficient of an image (h, w), its level from 0 (finest) and its band.

        Bands are 0 down, 1 across, 2 both; the approximation has the level `levels` and band 0.
        """
        scales, bands = np.full(shape, self.levels), np.zeros(shape, int)
        for level in reversed(range(self.levels)):
            top, left = shape[0] >> (level + 1), shape[1] >> (level + 1)
            for band, (down, across) in enumerate(((1, 0), (0, 1), (1, 1))):
                place = np.s_[down * top : (down + 1) * top, across * left : (across + 1) * left]
                scales[place], bands[place] = level, band
        return scales, bands

    def _matrix(self, length: int, dtype: Any) -> Float[Array, "n n"]:
        return jnp.asarray(_level_matrix(self.wavelet, length), dtype)

    def _require_divisible(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 2 and not is_colour(shape):
            raise ValueError(f"wavelets need an image (h, w) or (h, w, 3); got shape {tuple(shape)}")
        if any(side == 0 or side % 2**self.levels for side in shape[:2]):
            raise ValueError(
                f"{self.levels} levels of wavelets need sides that {2**self.levels} divides; "
                f"got shape {tuple(shape)}"
            )


# Jitted by themselves: a program transforms dozens of times and traces it once.


@jax.jit
def _coefficients(transform: WaveletTransform, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    for level in range(transform.levels):
        height, width = x.shape[0] >> level, x.shape[1] >> level
        down, across = (transform._matrix(length, x.dtype) for length in (height, width))
        x = x.at[:height, :width].set(_along_both(down, across, x[:height, :width]))
    return x


@jax.jit
def _image(transform: WaveletTransform, r: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    for level in reversed(range(transform.levels)):
        height, width = r.shape[0] >> level, r.shape[1] >> level
        down, across = (transform._matrix(length, r.dtype).T for length in (height, width))
        r = r.at[:height, :width].set(_along_both(down, across, r[:height, :width]))
    return r


def _pywavelets() -> Any:
    """Return PyWavelets; with the first transform, and without its names, as pyright cannot read them."""
    import pywt

    return pywt


def is_orthogonal(wavelet: str) -> bool:
    """Say whether PyWavelets knows a wavelet of this name, and its filters are orthogonal to rounding.

    PyWavelets calls "dmey" orthogonal, whose filters are cut off: W^T W differs from the identity by 1e-2.
    """
    pywt = _pywavelets()
    if wavelet not in pywt.wavelist(kind="discrete") or not pywt.Wavelet(wavelet).orthogonal:
        return False
    low = np.asarray(pywt.Wavelet(wavelet).dec_lo)
    shifted = np.correlate(low, low, mode="full")[len(low) - 1 :: 2]
    return bool(np.allclose(shifted, np.eye(1, shifted.size)[0], atol=_ORTHOGONAL))


@functools.lru_cache(maxsize=64)
def _level_matrix(wavelet: str, length: int) -> np.ndarray:
    """Return the orthogonal matrix of one level along one axis: low half, then high half."""
    half, rows = length // 2, np.arange(length // 2)
    matrix = np.zeros((length, length))
    for part, filter_taps in enumerate(_pywavelets().Wavelet(wavelet).filter_bank[:2]):
        for j, tap in enumerate(filter_taps):
            # Taps that fall onto one sample of a short axis add up.
            matrix[part * half + rows, (2 * rows + len(filter_taps) // 2 - j) % length] += tap
    return matrix


def _along_both(down: Array, across: Array, x: Array) -> Array:
    """Apply one matrix along the rows' axis and one along the columns', channel by channel."""
    highest = Precision.HIGHEST
    if x.ndim == 2:
        return jnp.matmul(jnp.matmul(down, x, precision=highest), across.T, precision=highest)
    return jnp.einsum("ij,jkc,lk->ilc", down, x, across, precision=highest)


def most_levels(shape: tuple[int, ...], most: int = 4) -> int:
    """Return how many levels an image of this shape allows, at most `most`: 2^levels divides both sides.

    Raises:
        ValueError: if it allows none, or is no image.
    """
    levels = 0
    is_image = (len(shape) == 2 or is_colour(shape)) and min(shape) > 0
    while is_image and levels < most and all(side % 2 ** (levels + 1) == 0 for side in shape[:2]):
        levels += 1
    if levels == 0:
        raise ValueError(f"wavelets start on images (h, w) or (h, w, 3) with even sides; got shape {shape}")
    return levels
