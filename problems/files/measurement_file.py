"""Measured images and other arrays, whose numbers may leave [0, 1]."""

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Shaped

from .image_file import PICTURES, SUFFIXES, decode_luma, decode_rgb
from .numpy_file import read_npy
from .pixels import as_pixels
from .regular_file import read_regular


class Measured(NamedTuple):
    """What a file holds.

    Attributes:
        values: of an image (h, w) or (h, w, 3), white at one; or floating numbers as they are stored.
        stored: the type of the stored numbers: "uint8", "uint16", "float32", "float64" or "bool".
        notes: sentences about what was read otherwise than it is stored.
    """

    values: Float64[np.ndarray, "..."]
    stored: str
    notes: tuple[str, ...] = ()


def read_measurement(path: str | os.PathLike[str]) -> Measured:
    """Read a measured image: PNG, JPEG, BMP, TIFF or .npy.

    Whole numbers are divided by full scale. Floating numbers of TIFF and .npy files are taken as they are, as
    noise leaves [0, 1], and .npy files may have any shape. An image whose three channels are equal is grey.

    Raises:
        ValueError: if the file cannot be read, has transparent pixels, or holds NaN, infinity or complex
            numbers; the message says which.
    """
    name = os.path.basename(path)
    if not name.lower().endswith(SUFFIXES):
        raise ValueError(f"image {name!r} must end in one of {', '.join(SUFFIXES)}")
    content = read_regular(path, f"image {name!r}")
    if name.lower().endswith(PICTURES):
        return _picture(content, name)
    array = _array(content, name)
    if array.dtype.kind == "f":
        values, stored = _finite(array, name), array.dtype.name
    else:
        # What is no image has the message of one.
        levels, white = as_pixels(array, name)
        values, stored = levels / np.float64(white), array.dtype.name
    return Measured(_grey_if_equal(values), stored)


def _picture(content: bytes, name: str) -> Measured:
    from .luma import is_opaque

    if not is_opaque(content, name):
        raise ValueError(f"image {name!r} has transparent pixels, which were not measured; store it without")
    colours = decode_rgb(content, name)
    grey = bool((colours[..., :1] == colours).all())
    sixteen = name.lower().endswith(".png") and content[24:25] == b"\x10"
    notes = ()
    if sixteen and content[25:26] in (b"\x02", b"\x06"):
        notes = (f"image {name!r} has colour of 16 bits, of which 8 are read: store it as TIFF to keep all",)
    stored = "uint16" if sixteen and not notes else "uint8"
    return Measured(decode_luma(content, name) if grey else colours, stored, notes)


def _array(content: bytes, name: str) -> Shaped[np.ndarray, "..."]:
    if name.lower().endswith(".npy"):
        return read_npy(content, f"image {name!r}")
    from .tiff import read_tiff

    return read_tiff(content, name)


def _finite(array: Shaped[np.ndarray, "..."], name: str) -> Float64[np.ndarray, "..."]:
    values = array.astype(np.float64)
    if not values.size or not np.isfinite(values).all():
        raise ValueError(f"image {name!r} must hold finite numbers; it holds NaN, infinity or nothing")
    return values


def _grey_if_equal(values: Float64[np.ndarray, "..."]) -> Float64[np.ndarray, "..."]:
    is_grey = values.ndim == 3 and values.shape[-1] == 3 and (values[..., :1] == values).all()
    return values[..., 0] if is_grey else values
