"""Luma and colours of an image file of any kind that is read.

The libraries that decode are imported with the first image of their kind: most programs open none.
"""

import os
from collections.abc import Callable

import numpy as np
from jaxtyping import Float64

from .numpy_file import read_npy
from .pixels import Pixels, as_pixels

PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
SUFFIXES = (*PICTURES, ".tif", ".tiff", ".npy")


def decode_luma(content: bytes, name: str) -> Float64[np.ndarray, "height width"]:
    """Decode the bytes of an image to luma in [0, 1]; the ending of the name tells the format.

    PNG, JPEG and BMP as `luma` says, TIFF as `decode_tiff`, and .npy as `as_pixels`.

    Raises:
        ValueError: if the bytes are of another kind, damaged or truncated, with the reason.
    """
    if decode := _arrays(name):
        return decode(content, name).luma()
    from .luma import luma

    return luma(content, name)


def decode_rgb(content: bytes, name: str) -> Float64[np.ndarray, "height width 3"]:
    """Decode the bytes of an image to R, G and B in [0, 1]; those of a grey image are equal.

    Raises:
        ValueError: as `decode_luma` does.
    """
    if decode := _arrays(name):
        return decode(content, name).rgb()
    from .luma import rgb

    return rgb(content, name)


def is_opaque(content: bytes, name: str) -> bool:
    """Say whether every pixel is opaque; a TIFF file with another is refused when it is decoded."""
    if _arrays(name):
        return True
    from .luma import is_opaque as picture_is_opaque

    return picture_is_opaque(content, name)


def _arrays(name: str) -> Callable[[bytes, str], Pixels] | None:
    ending = os.path.splitext(name)[1].lower()
    return {".tif": _decode_tiff, ".tiff": _decode_tiff, ".npy": _decode_npy}.get(ending)


def _decode_tiff(content: bytes, name: str) -> Pixels:
    from .tiff import decode_tiff

    return decode_tiff(content, name)


def _decode_npy(content: bytes, name: str) -> Pixels:
    return as_pixels(read_npy(content, f"image {name!r}"), name)
