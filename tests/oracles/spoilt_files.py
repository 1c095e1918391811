"""Small valid image files and archives, and how they are spoilt, as hypothesis draws it."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import cache

import numpy as np
import tifffile
from hypothesis import strategies as st
from PIL import Image

Spoil = Callable[[bytes], bytes]

HUGE = (0, 1, 2**15, 2**16 - 1, 2**28, 2**30, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1)
"""What counts, sizes and places in headers are replaced by: 2^30 pixels or bytes among them."""
DESCRIPTIONS = (
    *("'<f8'", "'<f4'", "'<f2'", "'<f16'", "'|u1'", "'<u2'", "'>u2'", "'<i8'", "'|b1'", "'<c16'", "'|O'"),
    *("'<U3'", "'<U0'", "'|V0'", "'|V8'", "'<M8[s]'", "'|S9'", "''", "'x'", "'f8,f8'", "()", "[]", "None"),
    *("7", "[('a', '<f8')]", "[('a', '|O')]", "('<f8', (2,))", "('<f8', (-1,))", "[('a',)]", "[[]]", "{}"),
)
SHAPES = (
    *("(12, 10)", "(10, 12)", "(12, 9)", "(2, 3)", "(120,)", "(12, 10, 1)", "(5, 8, 3)", "(3, 5, 8)", "()"),
    *("(32768, 32768)", "(1073741824,)", "(2, 1073741824)", "(0, 10)", "(12, 0)", "(-1, 10)", "(-12, -10)"),
    *("(True, 120)", "(12.0, 10)", "12", "None", "(1,) * 9", f"({'1, ' * 70})", "(10**30, 1)", "'ab'"),
)
TEXTS = ("{{'descr': {0}, 'fortran_order': {2}, 'shape': {1}, }}", "{{'descr': {0}}}", "{1}", "")
ODD_TEXTS = ("{" * 50, "(" * 50, "-" * 50 + "1", "{'descr': '<f8', ", "'", "\\", "{**{}}", "[x for x in y]")
"""Headers of .npy files, which numpy reads as Python's literals."""


@cache
def pictures() -> dict[str, tuple[bytes, ...]]:
    """Return valid files by their ending: grey and colour, of every type and packing that is read."""
    grey = np.random.default_rng(0).integers(0, 256, (12, 10), np.uint8)
    deep = grey.astype(np.uint16) * 257
    real = (grey / 255).astype(np.float32)
    colours = np.random.default_rng(1).integers(0, 256, (12, 10, 3), np.uint8)
    opaque = np.dstack([colours, np.full((12, 10), 255, np.uint8)])
    return {
        ".png": (*(_pillow(one, "PNG") for one in (grey, deep, colours, opaque)), _palette(grey)),
        ".jpg": (_pillow(grey, "JPEG"), _pillow(colours, "JPEG"), _pillow(colours, "JPEG", progressive=True)),
        ".bmp": (_pillow(grey, "BMP"), _pillow(colours, "BMP")),
        ".tif": (
            *(_tiff(one) for one in (grey, deep, real)),
            _tiff(colours, photometric="rgb"),
            _tiff(np.moveaxis(colours, -1, 0), photometric="rgb", planarconfig="separate"),
            _tiff(deep, byteorder=">"),
            _tiff(grey, bigtiff=True),
            _tiff(deep, compression="zlib", rowsperstrip=5),
            _tiff(deep, tile=(16, 16)),
            _tiff(grey, photometric="miniswhite"),
            _pillow(grey, "TIFF", compression="tiff_lzw"),
            _pillow(real, "TIFF", compression="tiff_lzw"),
        ),
        ".npy": (
            *(_npy(one) for one in (grey, deep, real, real.astype(float), real.astype(np.longdouble))),
            *(_npy(one) for one in (real.astype(np.float16), grey > 99, colours, np.asfortranarray(real))),
        ),
    }


@cache
def archives() -> tuple[bytes, ...]:
    """Return valid .npz files of one array or more."""
    kernel = np.arange(9.0).reshape(3, 3)
    one, two = io.BytesIO(), io.BytesIO()
    np.savez(one, kernel=kernel)
    np.savez_compressed(two, kernel=kernel, other=np.zeros((40, 40)))
    return one.getvalue(), two.getvalue()


def _pillow(array: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, kind, **options)
    return buffer.getvalue()


def _palette(grey: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(grey).convert("P").save(buffer, "PNG", transparency=3)
    return buffer.getvalue()


def _tiff(array: np.ndarray, **options: object) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def with_header(text: str, content: bytes, version: int) -> bytes:
    """Return an .npy file with another header in front of what it holds."""
    header = text.encode("utf-8")
    length = struct.pack("<H" if version == 1 else "<I", min(len(header), 2**16 - 1))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + content


def with_size(content: bytes, width: int, height: int) -> bytes:
    """Return a PNG file that announces another size, with the check sum that belongs to it."""
    head = content[12:16] + struct.pack(">II", width % 2**32, height % 2**32) + content[24:29]
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


def _cut(share: int, amount: int) -> Spoil:
    del amount
    return lambda content: content[: _at(share, content)]


def _flip(share: int, amount: int) -> Spoil:
    def spoil(content: bytes) -> bytes:
        where = _at(share, content)
        changed = bytes([content[where] ^ (1 << amount % 8)]) if content else b""
        return content[:where] + changed + content[where + 1 :]

    return spoil


def _overwrite(share: int, amount: int) -> Spoil:
    """Put a number that stands for too much, or for nothing, in one of the forms of headers."""
    form, number = FORMS[amount % len(FORMS)], HUGE[amount // len(FORMS) % len(HUGE)]
    packed = struct.pack(form, number % 2 ** (8 * struct.calcsize(form)))
    return lambda content: (
        content[: _at(share, content)] + packed + content[_at(share, content) + len(packed) :]
    )


def _insert(share: int, amount: int) -> Spoil:
    more = bytes((amount * factor) % 256 for factor in range(1, 2 + amount % 9))
    return lambda content: content[: _at(share, content)] + more + content[_at(share, content) :]


def _drop(share: int, amount: int) -> Spoil:
    return lambda content: content[: _at(share, content)] + content[_at(share, content) + 1 + amount % 9 :]


def _whole(share: int, amount: int) -> Spoil:
    del share
    return (lambda content: b"", lambda content: content * 2, lambda content: content[::-1])[amount % 3]


def _at(share: int, content: bytes) -> int:
    """Return a place: in the first part of a file, where its header is, as often as anywhere."""
    early, place = share % 2, share // 2
    return place * len(content) // (5000 if early else 1000)


FORMS = ("<B", "<H", ">H", "<I", ">I", "<Q", ">Q")
_WAYS = (_cut, _flip, _flip, _flip, _overwrite, _overwrite, _insert, _drop, _whole)
# Made once: hypothesis takes longer to make strategies than to draw from them.
_SPOIL = st.tuples(st.integers(0, len(_WAYS) - 1), st.integers(0, 1999), st.integers(0, 255))
_SPOILS = st.lists(_SPOIL, min_size=1, max_size=3)
_PLACES = st.integers(0, 10**6)


@st.composite
def spoilt(draw: st.DrawFn, ending: str) -> bytes:
    """Draw a file of a kind, spoilt once to three times, or with another header."""
    files = archives() if ending == ".npz" else pictures()[ending]
    number = draw(_PLACES)
    content, rest = files[number % len(files)], number // len(files)
    if ending == ".npy" and rest % 2:
        return _announced(rest // 2, draw(_PLACES))
    if ending == ".png" and rest % 2:
        return with_size(content, HUGE[rest // 2 % len(HUGE)], HUGE[rest // 2 // len(HUGE) % len(HUGE)])
    for way, share, amount in draw(_SPOILS):
        content = _WAYS[way](share, amount)(content)
    return content


def _announced(number: int, other: int) -> bytes:
    """Return an .npy file of 120 numbers whose header says something else, or no such thing."""
    parts = (DESCRIPTIONS[number % len(DESCRIPTIONS)], SHAPES[other % len(SHAPES)], number % 2 == 0)
    text = TEXTS[other // len(SHAPES) % len(TEXTS)].format(*parts)
    if other % 5 == 0:
        text = ODD_TEXTS[number % len(ODD_TEXTS)]
    numbers = np.full(120, (0.5, np.nan, np.inf, -1.0, 2.0, 5e-324)[number // 7 % 6])
    return with_header(text + "\n", numbers.tobytes(), 1 + other % 3)
