"""Deconvolution."""

from functools import reduce

import jax.numpy as jnp
import numpy as np

from ..arrays.channels import is_colour
from ..operators.blur import Blur
from ..task import require_noise
from ..values.configuration import configuration


@configuration
class Deconvolution:
    """Undo a Gaussian blur: y = kernel * x + noise, circular.

    Args:
        width: standard deviation of the blur, in samples or pixels.
        size: number of taps of the kernel along each axis, odd.
        noise: standard deviation of the noise, in the unit of the signal.

    Raises:
        ValueError: if `width` is not positive, `size` not odd and positive, or `noise` negative.
    """

    width: float = 0.8
    size: int = 5
    noise: float = 0.02

    def __post_init__(self) -> None:
        require_noise(self.noise)
        if not self.width > 0:
            raise ValueError(f"width must be positive; got {self.width}")
        if self.size < 1 or self.size % 2 == 0:
            raise ValueError(f"size must be odd and positive; got {self.size}")

    def operator(self, shape: tuple[int, ...], seed: int) -> Blur:
        """Sample the kernel, normalised to sum one, with as many axes of space as the signal has."""
        del seed
        axes = 2 if is_colour(shape) else len(shape)
        offsets = np.arange(self.size) - self.size // 2
        profile = np.exp(-0.5 * np.square(offsets / self.width))
        kernel = reduce(np.multiply.outer, [profile / profile.sum()] * axes)
        return Blur(jnp.asarray(kernel, jnp.float64))
