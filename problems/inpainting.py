"""Inpainting."""

import jax.numpy as jnp
import numpy as np

from .channels import is_colour
from .configuration import configuration
from .mask import Mask
from .task import require_noise


@configuration
class Inpainting:
    """Fill in missing entries: y = mask * x + noise, each entry missing independently.

    The measurement keeps the signal's shape; its missing entries hold noise alone, which A^T removes. The
    pixels of a colour image are missing in all channels.

    Args:
        missing: probability that an entry is missing, in [0, 1).
        noise: standard deviation of the noise, in the unit of the signal.

    Raises:
        ValueError: if `missing` is not in [0, 1) or `noise` is negative.
    """

    missing: float = 0.3
    noise: float = 0.05

    def __post_init__(self) -> None:
        require_noise(self.noise)
        if not 0 <= self.missing < 1:
            raise ValueError(f"missing must be a probability in [0, 1); got {self.missing}")

    def operator(self, shape: tuple[int, ...], seed: int) -> Mask:
        """Draw the mask for this shape and seed; the channels of a colour image share it."""
        pixels = shape[:2] if is_colour(shape) else shape
        known = np.random.default_rng([seed, 4]).random(pixels) >= self.missing
        return Mask(jnp.asarray(known, jnp.float64))
