"""Images in TIFF and .npy files: every kind of pixels, against the arrays that were stored, and PNG."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image

from hypergrad_bench.problems.files.image_file import decode_luma, decode_rgb

DEEP = np.random.default_rng(0).integers(0, 65536, (6, 5), dtype=np.uint16)
SHALLOW = (DEEP >> 8).astype(np.uint8)
REAL = (DEEP / 65535).astype(np.float32)
COLOURS = np.random.default_rng(1).integers(0, 65536, (6, 5, 3), dtype=np.uint16)
WEIGHTS = np.array([0.299, 0.587, 0.114])


def tiff(array: np.ndarray, **options) -> bytes:
    """The bytes of a TIFF file, as scikit-image and ImageJ write them by tifffile."""
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def pillow(array: np.ndarray, kind: str = "TIFF", **options) -> bytes:
    """The bytes of an image file, as Pillow and libtiff write them."""
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def npy(array: np.ndarray, **options) -> bytes:
    """The bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


GREY = {
    "8 bits": (tiff(SHALLOW), SHALLOW / 255),
    "16 bits": (tiff(DEEP), DEEP / 65535),
    "16 bits, big-endian": (tiff(DEEP, byteorder=">"), DEEP / 65535),
    "32 bits": (tiff(REAL), REAL),
    "64 bits": (tiff(REAL.astype(np.float64)), REAL),
    "white is zero, 8 bits": (tiff(255 - SHALLOW, photometric="miniswhite"), SHALLOW / 255),
    "white is zero, 16 bits": (tiff(65535 - DEEP, photometric="miniswhite"), DEEP / 65535),
    "deflated in strips": (tiff(DEEP, compression="zlib", rowsperstrip=2), DEEP / 65535),
    "tiles": (tiff(DEEP, tile=(16, 16)), DEEP / 65535),
    "LZW, 8 bits": (pillow(SHALLOW, compression="tiff_lzw"), SHALLOW / 255),
    "LZW, 16 bits": (pillow(DEEP, compression="tiff_lzw"), DEEP / 65535),
    "LZW, 32 bits": (pillow(REAL, compression="tiff_lzw"), REAL),
    "opaque": (tiff(np.dstack([DEEP, np.full_like(DEEP, 65535)]), extrasamples=["unassalpha"]), DEEP / 65535),
}


@pytest.mark.parametrize(("content", "expected"), GREY.values(), ids=GREY)
def test_grey_tiff(content: bytes, expected: np.ndarray):
    np.testing.assert_array_equal(decode_luma(content, "a.TIF"), expected)
    np.testing.assert_array_equal(decode_rgb(content, "a.tif"), np.dstack([expected] * 3))


OPAQUE = np.dstack([COLOURS, np.full((6, 5), 65535, np.uint16)])
COLOUR = {
    "16 bits": tiff(COLOURS, photometric="rgb"),
    "planes": tiff(np.moveaxis(COLOURS, -1, 0), photometric="rgb", planarconfig="separate"),
    "opaque": tiff(OPAQUE, photometric="rgb", extrasamples=["unassalpha"]),
    "array": npy(COLOURS),
}


@pytest.mark.parametrize("kind", COLOUR)
def test_colour_keeps_all_bits(kind: str):
    name = "a.npy" if kind == "array" else "a.tiff"
    np.testing.assert_array_equal(decode_rgb(COLOUR[kind], name), COLOURS / 65535)
    np.testing.assert_allclose(decode_luma(COLOUR[kind], name), COLOURS / 65535 @ WEIGHTS, atol=1e-15)


def test_the_same_bits_as_from_png():
    colours = (COLOURS >> 8).astype(np.uint8)
    for array in (colours, SHALLOW, DEEP, np.dstack([SHALLOW] * 3)):
        expected = decode_luma(pillow(array, "PNG"), "a.png")
        options = {"photometric": "rgb"} if array.ndim == 3 else {}
        np.testing.assert_array_equal(decode_luma(tiff(array, **options), "a.tif"), expected)
        np.testing.assert_array_equal(decode_luma(npy(array), "a.npy"), expected)
    lossless = pillow(colours, compression="tiff_lzw")
    np.testing.assert_array_equal(decode_rgb(lossless, "a.tif"), colours / 255)


def test_arrays_of_floating_numbers_are_taken_as_they_are():
    for array in (REAL, REAL.astype(np.float64), REAL.astype(">f4"), np.asfortranarray(REAL)):
        np.testing.assert_array_equal(decode_luma(npy(array), "a.npy"), REAL)


RAW = tiff(DEEP)
HOLES = tiff(DEEP, tile=(16, 16), compression="zlib")
WRONG = {
    "half a TIFF": (RAW[: len(RAW) // 2], "a.tif", "image 'a.tif' cannot be read: "),
    "no TIFF": (b"nothing of the kind", "a.tif", "image 'a.tif' cannot be read: "),
    "a stack": (tiff(np.stack([DEEP] * 4), photometric="minisblack"), "a.tif", "holds 4 images; store each"),
    "a stack of ImageJ": (tiff(np.stack([DEEP] * 4), imagej=True), "a.tif", "holds 4 images; store each"),
    "planes of five": (
        tiff(np.dstack([DEEP] * 5), photometric="minisblack", planarconfig="contig"),
        "a.tif",
        "channels besides its 1 of colour that are not full opacity",
    ),
    "transparent pixels": (
        tiff(np.dstack([COLOURS, DEEP]), photometric="rgb", extrasamples=["unassalpha"]),
        "a.tif",
        "channels besides its 3 of colour that are not full opacity",
    ),
    "inks": (
        tiff(np.dstack([SHALLOW] * 4), photometric="separated"),
        "a.tif",
        "of kind SEPARATED; grey and RGB",
    ),
    "a sign": (
        tiff(DEEP.astype(np.int16)),
        "a.tif",
        "numbers of type int16; accepted: 8 or 16 bits without sign",
    ),
    "32 bits without a point": (npy(DEEP.astype(np.uint32)), "a.npy", "numbers of type uint32; accepted"),
    "levels of a camera": (
        tiff(DEEP.astype(np.float32)),
        "a.tif",
        r"floating numbers from .*; \[0, 1\] is accepted",
    ),
    "NaN": (npy(np.full((4, 4), np.nan)), "a.npy", "floating numbers from nan to nan"),
    "complex": (npy(REAL + 1j), "a.npy", "is complex; store its magnitude, or its real part"),
    "channels first": (npy(np.moveaxis(COLOURS, -1, 0)), "a.npy", "channels from the first axis to the last"),
    "a batch": (npy(np.zeros((7, 6, 5))), "a.npy", r"got \(7, 6, 5\): store each image of a stack in a file"),
    "one axis": (
        npy(REAL[0]),
        "a.npy",
        r"must have shape \(height, width\) or \(height, width, 3\); got \(5,\)",
    ),
    "nothing": (npy(REAL[:0]), "a.npy", "has no pixels"),
    "Python objects": (
        npy(np.array([[{}]]), allow_pickle=True),
        "a.npy",
        "image 'a.npy' holds Python objects",
    ),
    "half an array": (npy(REAL)[:90], "a.npy", "image 'a.npy' cannot be read as an .npy file"),
    "colours in LZW of 16 bits": (None, "a.tif", "decompressing LZW needs imagecodecs"),
}


def _lzw_of_sixteen_bits() -> bytes:
    """Call an uncompressed file LZW, which is noticed before it is decompressed."""
    content = bytearray(tiff(COLOURS, photometric="rgb"))
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        place = file.pages[0].tags["Compression"].valueoffset
    content[place : place + 2] = (5).to_bytes(2, "little")
    return bytes(content)


@pytest.mark.parametrize(("content", "name", "message"), WRONG.values(), ids=WRONG)
def test_what_is_no_image_is_named(content: bytes | None, name: str, message: str):
    with pytest.raises(ValueError, match=message):
        decode_luma(_lzw_of_sixteen_bits() if content is None else content, name)
