"""Images in TIFF files."""

import io
import math

import numpy as np
import tifffile
from jaxtyping import Num
from PIL import Image

from .pixels import KINDS, Pixels, as_pixels

LARGEST = 2**30
"""Numbers of an image: more are not read."""
# Pillow's names of pixels that it decodes without loss, by their type.
_LOSSLESS = {"uint8": ("L", "RGB"), "uint16": ("I;16", "I;16L", "I;16B"), "float32": ("F",)}


def decode_tiff(content: bytes, name: str) -> Pixels:
    """Decode the one image of a TIFF file: grey or RGB of 8, 16 or 32 bits, the last floating.

    Grey whose zero is white is inverted; a channel of opacity must be opaque. What tifffile cannot decompress
    by itself, such as LZW, is left to Pillow where that loses no bits.
    Caveat: orientation tags and colour profiles are not applied.
    Source: Adobe, TIFF revision 6.0, 1992.

    Args:
        content: the whole file.
        name: the file's name, for messages.

    Raises:
        ValueError: if it is no such file, is damaged or truncated, holds several images, or pixels of another
            kind; the message says which.
    """
    return as_pixels(read_tiff(content, name), name)


def read_tiff(content: bytes, name: str) -> Num[np.ndarray, "height width *channels"]:
    """Return the stored numbers of the one image of a TIFF file, whatever their range; see `decode_tiff`."""
    try:
        # Both kinds name further files, which a decoder of one file must not open.
        with tifffile.TiffFile(io.BytesIO(content), is_ome=False, is_mmstack=False) as file:
            page = _only_page(file, name)
            return _oriented(_decoded(page, content), page, name)
    except ValueError as error:
        if repr(name) in str(error):
            raise
        raise ValueError(f"image {name!r} cannot be read: {error}") from error
    # tifffile and zlib report damage by errors of many types.
    except Exception as error:
        raise ValueError(f"image {name!r} cannot be read: {error}") from error


def _only_page(file: tifffile.TiffFile, name: str) -> tifffile.TiffPage:
    page = file.pages[0]
    if not isinstance(page, tifffile.TiffPage):
        raise ValueError("its first page is incomplete")
    _require_whole(page)
    whole = file.series[0]
    if len(file.pages) > 1 or len(file.series) > 1 or whole.size != page.size:
        count = max(len(file.pages), whole.size // max(page.size, 1))
        raise ValueError(f"image {name!r} holds {count} images; store each in a file of its own")
    # tifffile writes true as one where zero is white, and libtiff's programs as zero.
    if page.dtype == np.bool_:
        raise ValueError(
            f"image {name!r} is a TIFF file of one bit, in which programs differ about which bit is white; "
            "store it as PNG, or with 8 bits"
        )
    if _name(page.photometric) not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR"):
        raise ValueError(
            f"image {name!r} is a TIFF file of kind {_name(page.photometric)}; grey and RGB are accepted"
        )
    return page


def _require_whole(page: tifffile.TiffPage) -> None:
    """Refuse a page whose strips or tiles are others than its size asks for, or that announces too much.

    tifffile fills what is missing with zeros, leaves what is more, and says nothing.
    """
    if page.size > LARGEST:
        raise ValueError(f"it announces {page.size} numbers; at most {LARGEST} are read")
    counts = page.databytecounts
    if math.prod(page.chunked) != len(page.dataoffsets) or 0 in counts or 0 in page.dataoffsets:
        raise ValueError("some of its strips or tiles are missing")
    if page.size and _name(page.compression) == "NONE" and not page.is_tiled and page.bitspersample % 8 == 0:
        planes = page.samplesperpixel if _name(page.planarconfig) == "SEPARATE" else 1
        row = page.nbytes // (planes * page.imagelength)
        most = row * (min(page.rowsperstrip, page.imagelength) + 1)
        if sum(counts) < page.nbytes or max(counts) >= most:
            raise ValueError(f"its strips hold {sum(counts)} bytes, and its size asks for {page.nbytes}")


def _decoded(page: tifffile.TiffPage, content: bytes) -> np.ndarray:
    kind = _name(page.compression)
    # Pillow turns luma and colour differences into RGB, tifffile only with another package.
    if _name(page.photometric) != "YCBCR":
        try:
            return page.asarray()
        except ValueError as error:
            if "imagecodecs" not in str(error):
                raise
    image = Image.open(io.BytesIO(content), formats=["TIFF"])
    # Pillow does not invert 16 bits whose zero is white, and cuts 16-bit colour to 8.
    if _name(page.photometric) == "MINISWHITE" or image.mode not in _LOSSLESS.get(str(page.dtype), ()):
        raise ValueError(
            f"decompressing {kind} needs imagecodecs: pip install imagecodecs, or store it without"
        )
    image.load()
    return np.asarray(image)


def _oriented(array: np.ndarray, page: tifffile.TiffPage, name: str) -> np.ndarray:
    """Move channels to the last axis, drop opacity, and make zero black."""
    if page.axes == "SYX":
        array = np.moveaxis(array, 0, -1)
    elif page.axes not in ("YX", "YXS"):
        raise ValueError(f"image {name!r} has axes {page.axes}; an image of height and width is accepted")
    colours = 3 if _name(page.photometric) in ("RGB", "YCBCR") else 1
    if array.ndim == 3 and array.shape[-1] > colours:
        array = _without_opacity(array, colours, name)
    if _name(page.photometric) != "MINISWHITE":
        return array
    if array.dtype in (np.uint8, np.uint16):
        return np.iinfo(array.dtype).max - array
    raise ValueError(f"image {name!r} has white at zero and numbers of {array.dtype}; accepted: {KINDS}")


def _without_opacity(array: np.ndarray, colours: int, name: str) -> np.ndarray:
    opaque = np.iinfo(array.dtype).max if array.dtype.kind == "u" else 1
    if array.shape[-1] != colours + 1 or not (array[..., colours] == opaque).all():
        raise ValueError(
            f"image {name!r} has channels besides its {colours} of colour that are not full opacity; store "
            "it without them"
        )
    return array[..., 0] if colours == 1 else array[..., :colours]


def _name(code: int) -> str:
    """Return the name of a code of the format, or the number where tifffile knows none."""
    return str(getattr(code, "name", code))
