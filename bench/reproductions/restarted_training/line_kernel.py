"""A line blur."""

import numpy as np
from jaxtyping import Float64

from ....problems.values.configuration import configuration


@configuration
class LineKernel:
    """Blur along the diagonal, as a camera does that moves evenly: taps of one size on a line.

    Where an image is shorter than `size` the line shrinks to the largest odd size that fits.

    Args:
        size: taps along the line, odd.

    Raises:
        ValueError: if `size` is not odd and positive.
    """

    size: int = 9

    def __post_init__(self) -> None:
        if self.size < 1 or self.size % 2 == 0:
            raise ValueError(f"size must be odd and positive; got {self.size}")

    def taps(self, shape: tuple[int, ...]) -> Float64[np.ndarray, "side side"]:
        """Draw the line for images of this shape, (h, w)."""
        side = min(self.size, *((length - 1) // 2 * 2 + 1 for length in shape))
        return np.eye(side) / side
