"""Deconvolution."""

import math
from functools import reduce

import jax.numpy as jnp
import numpy as np

from ..arrays.channels import is_colour
from ..operators.blur import Blur
from ..task import require_noise
from ..values.configuration import configuration
from .motion_kernel import Kernel

WIDTH, SIZE = 0.8, 5


@configuration
class Deconvolution:
    """Undo a blur: y = kernel * x + noise, circular; the kernel is a Gaussian unless another is given.

    Args:
        width: standard deviation of the blur, in samples or pixels.
        size: number of taps of the kernel along each axis, odd.
        noise: standard deviation of the noise, in the unit of the signal.
        kernel: what makes the taps, in place of `width` and `size`: `KernelFile(path)`, `MotionKernel()`, or
            any frozen object with their method `taps`.

    Raises:
        TypeError: if `kernel` makes no taps.
        ValueError: if `width` is not positive and finite, `size` not odd and positive, either is given beside
            a kernel, or `noise` is negative.
    """

    width: float = WIDTH
    size: int = SIZE
    noise: float = 0.02
    kernel: Kernel | None = None

    def __post_init__(self) -> None:
        require_noise(self.noise)
        if self.kernel is not None and not isinstance(self.kernel, Kernel):
            raise TypeError(f"kernel must offer taps, as MotionKernel() does; got {self.kernel!r}")
        if self.kernel is not None and (self.width, self.size) != (WIDTH, SIZE):
            raise ValueError(
                f"the kernel says what the blur is; width={self.width} and size={self.size} have no place "
                "beside it"
            )
        if not self.width > 0:
            raise ValueError(f"width must be positive; got {self.width}")
        if self.width == math.inf:
            raise ValueError(f"width must be finite; got {self.width}")
        if self.size < 1 or self.size % 2 == 0:
            raise ValueError(f"size must be odd and positive; got {self.size}")

    def operator(self, shape: tuple[int, ...], seed: int) -> Blur:
        """Make the kernel, normalised to sum one, with as many axes of space as the signal has."""
        del seed
        spatial = shape[:2] if is_colour(shape) else shape
        if self.kernel is not None:
            return Blur(jnp.asarray(self.kernel.taps(spatial), jnp.float64))
        offsets = np.arange(self.size) - self.size // 2
        profile = np.exp(-0.5 * np.square(offsets / self.width))
        kernel = reduce(np.multiply.outer, [profile / profile.sum()] * len(spatial))
        return Blur(jnp.asarray(kernel, jnp.float64))
