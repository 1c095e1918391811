"""Three convolutions in a row, normalised: the filters of ridge regularisers."""

from typing import Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..values.pytree import pytree
from ..values.validation import require_dimensions, require_finite, require_floating
from .normalized_chain import NormalizedChain, correlate_in_turn

GRID = 256
"""Side of the grid of frequencies on which the norm is looked for."""


@pytree
class ConvolutionChain:
    """Correlate an image with three banks of small filters in a row: W = f3 f2 f1 / sqrt(Lip).

    Each stage is cut at the image's border, beyond which there are zeros. f1 is `first` less its mean, filter
    by filter. Lip is the largest value of the spectrum of f1^T f2^T f3^T f3 f2 f1 on a grid of 256 x 256
    frequencies, without the border, and is differentiated through: no parameter can make W large, and scaling
    a bank changes nothing. Border effects make W's own norm differ from one. `first` must not be constant.
    Source: Goujon, Neumayer and Unser, 2024 (composed filters); Hertrich et al., 2025 (arXiv 2510.01755).

    Args:
        first: shape (a, 1, s, s), s odd, the same for all three.
        second: shape (b, a, s, s).
        third: shape (k, b, s, s).

    Raises:
        TypeError: if one is not a floating-point array.
        ValueError: if one is not finite or the shapes do not fit, or, when applied, if x is no grey image.
    """

    first: Float[Array, "a 1 s s"]
    second: Float[Array, "b a s s"]
    third: Float[Array, "k b s s"]

    def __post_init__(self) -> None:
        channels = 1
        for name, bank in zip(("first", "second", "third"), self._raw, strict=True):
            require_floating(name, bank)
            require_dimensions(name, bank, "(out, in, s, s)", 4)
            require_finite(name, bank)
            size = self.first.shape[-1]
            if bank.shape[1:] != (channels, size, size) or size % 2 == 0:
                raise ValueError(
                    f"{name} must have shape (out, {channels}, s, s) with s odd and the same in all three; "
                    f"got {tuple(bank.shape)}"
                )
            channels = bank.shape[0]

    @classmethod
    def example(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Make three small random banks for grey images (h, w), float64."""
        if len(shape) != 2:
            raise ValueError(f"a chain of convolutions needs a grey image (h, w); got shape {shape}")
        first, second, third = initial_chain(seed, (2, 3, 5), 3)._raw
        return cls(first, second, third)

    def __call__(self, x: Float[Array, "h w"]) -> Float[Array, "k h w"]:
        """Correlate the image `x` with the three banks."""
        return self.normalized()(x)

    def adjoint(self, r: Float[Array, "k h w"]) -> Float[Array, "h w"]:
        """Map one response per filter of the last bank back to an image."""
        return self.normalized().adjoint(r)

    def squared_norm(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the squared norm for images of this shape, border included; see `largest_eigenvalue`."""
        return self.normalized().squared_norm(shape)

    def normalized(self) -> NormalizedChain:
        """Return the same operator with f1 and Lip computed, for whoever applies it more than once."""
        first, second, third = self._banks
        return NormalizedChain(first / jnp.sqrt(self.normalization()), second, third)

    def normalization(self) -> Float[Array, ""]:
        """Return Lip, the largest squared gain of the three correlations without a border.

        The responses to an impulse are the composed filters; their autocorrelation, whose length is twice
        theirs less one, is the impulse response of the whole, and its transform the spectrum.
        """
        length = 3 * (self.first.shape[-1] - 1) + 1
        middle = length // 2
        impulse = jnp.zeros((length, length), self.first.dtype).at[middle, middle].set(1)
        whole = (2 * length - 1, 2 * length - 1)
        spectra = jnp.fft.rfft2(correlate_in_turn(self._banks, impulse), s=whole)
        power = jnp.sum(jnp.square(jnp.real(spectra)) + jnp.square(jnp.imag(spectra)), axis=0)
        response = jnp.fft.fftshift(jnp.fft.irfft2(power.astype(spectra.dtype), s=whole))
        return jnp.max(jnp.abs(jnp.fft.rfft2(response, s=(GRID, GRID))))

    @property
    def _raw(self) -> tuple[Array, Array, Array]:
        return self.first, self.second, self.third

    @property
    def _banks(self) -> tuple[Array, Array, Array]:
        centred = self.first - jnp.mean(self.first, axis=(1, 2, 3), keepdims=True)
        return centred, self.second, self.third


def initial_chain(seed: int, counts: tuple[int, int, int], size: int) -> ConvolutionChain:
    """Draw filters uniformly in +-1 / sqrt(number of entries that a response sums), float64.

    Args:
        seed: of the draw.
        counts: filters of the three banks.
        size: of a filter, odd.
    """
    generator = np.random.default_rng([seed, 10])
    channels = 1
    banks = []
    for count in counts:
        reach = 1 / np.sqrt(channels * size * size)
        banks.append(jnp.asarray(generator.uniform(-reach, reach, (count, channels, size, size))))
        channels = count
    return ConvolutionChain(*banks)
