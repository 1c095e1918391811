"""The pixels of an image that is an array of numbers: what they mean, and their luma and colours."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Num, Shaped

from ..arrays.channels import is_colour

KINDS = "8 or 16 bits without sign, or floating numbers in [0, 1]"


class Pixels(NamedTuple):
    """Levels of grey (height, width), or of R, G and B (height, width, 3), and the level of white."""

    levels: Num[np.ndarray, "height width *channels"]
    white: int

    def luma(self) -> Float64[np.ndarray, "height width"]:
        """Return 0.299 R + 0.587 G + 0.114 B in [0, 1], or the grey values.

        Source: ITU-R recommendation BT.601-7, 2011.
        """
        if self.levels.ndim == 2:
            return self.levels / np.float64(self.white)
        # Whole numbers up to the one division: grey stored as colour gives the same bits as grey.
        wide = self.levels.astype(np.float64 if self.levels.dtype.kind == "f" else np.int64)
        thousandths = 299 * wide[..., 0] + 587 * wide[..., 1] + 114 * wide[..., 2]
        return thousandths / np.float64(1000 * self.white)

    def rgb(self) -> Float64[np.ndarray, "height width 3"]:
        """Return R, G and B in [0, 1]; those of a grey image are equal."""
        values = self.levels / np.float64(self.white)
        return values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)


def as_pixels(array: Shaped[np.ndarray, "..."], name: str) -> Pixels:
    """Take an array for an image: unsigned 8 or 16 bits of full scale, or floating numbers in [0, 1].

    Caveat: values of 12 bits that a camera stored in 16 are divided by 65535 too, and come out dark.

    Raises:
        ValueError: if shape, type or range is another; the message says what was given.
    """
    shape = tuple(array.shape)
    if array.ndim != 2 and not is_colour(shape):
        raise ValueError(
            f"image {name!r} must have shape (height, width) or (height, width, 3); {_why(shape)}"
        )
    if not all(shape):
        raise ValueError(f"image {name!r} has no pixels: shape {shape}")
    if array.dtype in (np.bool_, np.uint8, np.uint16):
        return Pixels(array, 1 if array.dtype == np.bool_ else int(np.iinfo(array.dtype).max))
    if array.dtype.kind == "c":
        raise ValueError(f"image {name!r} is complex; store its magnitude, or its real part")
    if array.dtype.kind != "f":
        raise ValueError(f"image {name!r} holds numbers of type {array.dtype}; accepted: {KINDS}")
    # NaN fails both comparisons.
    if not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"image {name!r} holds floating numbers from {array.min():g} to {array.max():g}; [0, 1] is "
            "accepted: only you know which value is white, so divide by it"
        )
    # Wider numbers than float64 JAX does not have.
    return Pixels(array.astype(np.float64) if array.dtype.itemsize > 8 else array, 1)


def _why(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[0] == 3:
        return f"got {shape}: move its channels from the first axis to the last"
    if len(shape) == 3:
        return f"got {shape}: store each image of a stack in a file of its own"
    return f"got {shape}"
