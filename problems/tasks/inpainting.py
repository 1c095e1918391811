"""Inpainting."""

import jax.numpy as jnp
import numpy as np

from ..arrays.channels import is_colour
from ..operators.mask import Mask
from ..task import require_noise
from ..values.configuration import configuration
from .mask_file import MaskFile, require_mask_file

DRAWN = 0.3


@configuration
class Inpainting:
    """Fill in missing entries: y = mask * x + noise, each entry missing independently.

    The measurement keeps the signal's shape; its missing entries hold noise alone, which A^T removes. The
    pixels of a colour image are missing in all channels.

    Args:
        missing: probability that an entry is missing, in [0, 1).
        noise: standard deviation of the noise, in the unit of the signal.
        mask: a file that says which entries are missing, in place of `missing`, the same for every seed.

    Raises:
        TypeError: if `mask` is no `MaskFile`.
        ValueError: if `missing` is not in [0, 1), or is given beside a mask, or `noise` is negative.
    """

    missing: float = DRAWN
    noise: float = 0.05
    mask: MaskFile | None = None

    def __post_init__(self) -> None:
        require_noise(self.noise)
        require_mask_file(self.mask)
        if self.mask is not None and self.missing != DRAWN:
            raise ValueError(f"the mask says what is missing; missing={self.missing} has no place beside it")
        if not 0 <= self.missing < 1:
            raise ValueError(f"missing must be a probability in [0, 1); got {self.missing}")

    def operator(self, shape: tuple[int, ...], seed: int) -> Mask:
        """Draw the mask for this shape and seed, or read it; the channels of a colour image share it.

        Raises:
            ValueError: if the file's mask has another shape.
        """
        pixels = shape[:2] if is_colour(shape) else shape
        if self.mask is not None:
            return Mask(jnp.asarray(self.mask.fitting(pixels), jnp.float64))
        known = np.random.default_rng([seed, 4]).random(pixels) >= self.missing
        return Mask(jnp.asarray(known, jnp.float64))
