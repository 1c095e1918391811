"""Blur kernels: what one offers, and a camera's shake that needs no file."""

from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float64

from ..values.configuration import configuration

POSITIONS = 400
REACH, WIDTH = 0.33, 0.03


@runtime_checkable
class Kernel(Protocol):
    """A blur kernel: a frozen dataclass of settings that makes the taps."""

    def taps(self, shape: tuple[int, ...]) -> Float64[np.ndarray, "..."]:
        """Return taps of sum one, with as many axes as `shape`, the sizes along the axes of space."""
        ...


@configuration
class MotionKernel:
    """Trace the blur of a shaken camera along a smooth curve, like the kernels that Levin et al. measured.

    The path t -> (sin(4.4 t), sin(2.9 t + 1)), t in [0, pi/2], is scaled to a third of the size, centred at
    its mean, and drawn with Gaussian spots. It is made up: no measured kernel is copied.
    Where a signal is shorter than `size` the kernel shrinks to the largest odd size that fits; for signals
    (n,) it is summed over its second axis. Source of the idea: Levin et al., 2009 (their kernels are for
    research use and not shipped; `KernelFile` reads them).

    Args:
        size: taps along each axis, odd.

    Raises:
        ValueError: if `size` is not odd and positive.
    """

    size: int = 25

    def __post_init__(self) -> None:
        if self.size < 1 or self.size % 2 == 0:
            raise ValueError(f"size must be odd and positive; got {self.size}")

    def taps(self, shape: tuple[int, ...]) -> Float64[np.ndarray, "..."]:
        """Draw the path in the size that fits `shape`, (n,) or (h, w)."""
        side = min(self.size, *((length - 1) // 2 * 2 + 1 for length in shape))
        t = np.linspace(0, np.pi / 2, POSITIONS)
        path = np.stack([np.sin(4.4 * t), np.sin(2.9 * t + 1)])
        path = REACH * side * (path - path.mean(axis=1, keepdims=True))
        offsets = np.arange(side) - side // 2
        width = max(WIDTH * side, 0.5)
        down, across = np.exp(-0.5 * np.square((offsets[:, None] - path[:, None, :]) / width))
        kernel = down @ across.T if len(shape) == 2 else down.sum(axis=1)
        return kernel / kernel.sum()
