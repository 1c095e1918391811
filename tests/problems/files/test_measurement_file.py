"""Measured images: numbers beyond [0, 1], grey stored as colour, and what is refused."""

import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from hypergrad_bench.problems.files.measurement_file import read_measurement

GREY = np.random.default_rng(0).integers(0, 256, (4, 5)).astype(np.uint8)
COLOR = np.random.default_rng(1).integers(0, 256, (4, 5, 3)).astype(np.uint8)


def test_floating_numbers_are_taken_as_they_are(tmp_path):
    noisy = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", noisy)
    np.save(tmp_path / "b.npy", np.stack([noisy, noisy], axis=-1).astype(np.float64))
    found = read_measurement(tmp_path / "a.tif")
    assert found.stored == "float32"
    np.testing.assert_array_equal(found.values, noisy)
    frequencies = read_measurement(tmp_path / "b.npy")
    assert frequencies.stored == "float64"
    assert frequencies.values.shape == (4, 5, 2)


def test_whole_numbers_are_divided_by_full_scale(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "grey.png")
    Image.fromarray(COLOR).save(tmp_path / "color.png")
    Image.fromarray(np.repeat(GREY[..., None], 3, axis=2)).save(tmp_path / "equal.png")
    Image.fromarray(GREY.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    np.save(tmp_path / "grey.npy", GREY)
    for name, stored in (("grey.png", "uint8"), ("equal.png", "uint8"), ("sixteen.png", "uint16"),
                         ("grey.npy", "uint8")):  # fmt: skip
        found = read_measurement(tmp_path / name)
        assert (found.stored, found.notes) == (stored, ())
        np.testing.assert_allclose(found.values, GREY / 255, rtol=1e-15)
    np.testing.assert_array_equal(read_measurement(tmp_path / "color.png").values, COLOR / 255)


def test_colour_of_sixteen_bits_is_said(tmp_path):
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in COLOR.astype(np.uint16) * 257)
    parts = (b"IHDR" + struct.pack(">IIBBBBB", 5, 4, 16, 2, 0, 0, 0), b"IDAT" + zlib.compress(rows), b"IEND")
    chunks = (struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in parts)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    found = read_measurement(tmp_path / "a.png")
    assert found.stored == "uint8"
    assert "colour of 16 bits, of which 8 are read" in found.notes[0]


def test_what_is_no_measurement_is_refused(tmp_path):
    np.save(tmp_path / "nan.npy", np.array([[0.1, np.nan]]))
    np.save(tmp_path / "complex.npy", np.ones((2, 2)) * 1j)
    np.save(tmp_path / "wide.npy", np.ones((2, 2), np.int32))
    Image.fromarray(np.dstack([COLOR, GREY])).save(tmp_path / "clear.png")
    (tmp_path / "words.png").write_bytes(io.BytesIO(b"words").read())
    for name, message in {
        "nan.npy": "must hold finite numbers",
        "complex.npy": "is complex",
        "wide.npy": "numbers of type int32",
        "clear.png": "transparent pixels",
        "words.png": "not a PNG, JPEG or BMP file",
        "gone.tif": "cannot be read",
        "a.webp": "must end in one of",
    }.items():
        with pytest.raises(ValueError, match=message):
            read_measurement(tmp_path / name)
