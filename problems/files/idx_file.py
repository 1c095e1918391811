"""Stacks of grey images in the IDX format, in which handwritten digits are commonly kept."""

import gzip
import io
import math
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from .regular_file import read_regular

MAGIC = b"\x00\x00\x08\x03"
"""Two zeros, unsigned bytes, three axes."""
LARGEST = 2**30
"""Pixels: more are not read."""
_HEADER = 16


def read_idx_images(path: Path) -> UInt8[np.ndarray, "count height width"]:
    """Read a stack of images of unsigned bytes; a name that ends in `.gz` is of a compressed file.

    No more is decompressed than the file's header announces.
    Source: LeCun, Cortes and Burges, 1998 (the file format of MNIST).

    Raises:
        ValueError: if it cannot be read, is no stack of images of bytes, or has more or fewer pixels than its
            header says, or more than `LARGEST`.
    """
    content = read_regular(path, f"{path.name!r}")
    packed = path.suffix == ".gz"
    try:
        with gzip.open(io.BytesIO(content)) if packed else io.BytesIO(content) as stream:
            header = stream.read(_HEADER)
            shape = _shape(header, path.name)
            size = math.prod(shape)
            pixels = stream.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path.name!r} cannot be decompressed: {error}") from error
    if len(pixels) != size:
        more = "more" if len(pixels) > size else f"{len(pixels)}"
        raise ValueError(f"{path.name!r} announces {size} pixels, shape {shape}; it holds {more}")
    return np.frombuffer(pixels, np.uint8).reshape(shape)


def _shape(header: bytes, name: str) -> tuple[int, int, int]:
    if len(header) < _HEADER or header[:4] != MAGIC:
        raise ValueError(
            f"{name!r} is no IDX file of grey images: it begins with {header[:4].hex(' ') or 'nothing'}, "
            f"and {MAGIC.hex(' ')} is accepted"
        )
    count, height, width = (int(one) for one in np.frombuffer(header[4:], ">u4"))
    if count * height * width > LARGEST:
        raise ValueError(
            f"{name!r} announces {count} x {height} x {width} pixels; at most {LARGEST} are read"
        )
    return count, height, width
