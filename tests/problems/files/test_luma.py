"""Grey values of image files: every mode of pixels, and files that are damaged."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from hypergrad_bench.problems.files.luma import luma

COLOURS = np.array(
    [[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[255, 255, 255], [0, 0, 0], [10, 200, 90]]], np.uint8
)
COLOURS_LUMA = np.array([[0.299, 0.587, 0.114], [1, 0, (2.99 + 117.4 + 10.26) / 255]])
GREYS = np.array([[0, 1, 128], [254, 255, 77]], np.uint8)


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> bytes:
    """Return the bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Return random 8-bit grey values: any two crops of it differ."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


@pytest.mark.parametrize("file_format", ["PNG", "BMP"])
def test_colour(file_format: str):
    values = luma(encoded(Image.fromarray(COLOURS), file_format), "a")
    np.testing.assert_allclose(values, COLOURS_LUMA, rtol=0, atol=1e-15)
    assert values.dtype == np.float64


@pytest.mark.parametrize("file_format", ["PNG", "BMP"])
def test_grey(file_format: str):
    np.testing.assert_array_equal(luma(encoded(Image.fromarray(GREYS), file_format), "a"), GREYS / 255)


def test_grey_stored_as_colour_gives_the_same_bits():
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colour = np.repeat(every[..., None], 3, axis=2)
    np.testing.assert_array_equal(luma(encoded(Image.fromarray(colour)), "a"), every / 255)
    opaque = Image.fromarray(colour).convert("RGBA")
    np.testing.assert_array_equal(luma(encoded(opaque), "a"), every / 255)


def test_jpeg():
    smooth = np.tile(np.linspace(20, 230, 32).astype(np.uint8), (32, 1))
    values = luma(encoded(Image.fromarray(smooth), "JPEG", quality=95), "a")
    np.testing.assert_allclose(values, smooth / 255, atol=0.02)
    flat = Image.new("RGB", (16, 16), (200, 100, 50))
    expected = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
    np.testing.assert_allclose(luma(encoded(flat, "JPEG"), "a"), expected, atol=0.01)
    np.testing.assert_allclose(luma(encoded(flat.convert("CMYK"), "JPEG"), "a"), expected, atol=0.02)


def test_sixteen_bits_keep_all_bits():
    deep = np.array([[0, 1, 255], [256, 40_000, 65_535]], np.uint16)
    np.testing.assert_array_equal(luma(encoded(Image.fromarray(deep)), "a"), deep / 65535)


def test_palette():
    image = Image.fromarray(COLOURS).convert("P", palette=Image.Palette.ADAPTIVE)
    assert image.mode == "P"
    for file_format in ["PNG", "BMP"]:
        np.testing.assert_allclose(luma(encoded(image, file_format), "a"), COLOURS_LUMA, rtol=0, atol=1e-15)


def test_one_bit():
    bits = np.array([[0, 1, 1], [1, 0, 0]])
    image = Image.fromarray((bits * 255).astype(np.uint8)).convert("1")
    for file_format in ["PNG", "BMP"]:
        np.testing.assert_array_equal(luma(encoded(image, file_format), "a"), bits)


def test_transparent_colour_is_laid_over_white():
    opacity = np.array([[255, 0, 51], [255, 0, 102]], np.uint8)
    image = Image.fromarray(np.dstack([COLOURS, opacity]))
    assert image.mode == "RGBA"
    expected = opacity / 255 * COLOURS_LUMA + (1 - opacity / 255)
    np.testing.assert_allclose(luma(encoded(image), "a"), expected, rtol=0, atol=1e-15)


def test_transparent_grey_is_laid_over_white():
    opacity = np.array([[255, 0, 51], [255, 0, 102]], np.uint8)
    image = Image.merge("LA", [Image.fromarray(GREYS), Image.fromarray(opacity)])
    expected = opacity / 255 * (GREYS / 255) + (1 - opacity / 255)
    np.testing.assert_allclose(luma(encoded(image), "a"), expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
def test_palette_with_a_transparent_colour(transparency: int | bytes):
    image = Image.new("P", (3, 1))
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    for column in range(3):
        image.putpixel((column, 0), column)
    values = luma(encoded(image, transparency=transparency), "a")
    np.testing.assert_allclose(values, [[0.299, 1, 0.114]], rtol=0, atol=1e-15)


def test_grey_with_a_transparent_level():
    values = luma(encoded(Image.fromarray(GREYS), transparency=128), "a")
    np.testing.assert_array_equal(values, [[0, 1 / 255, 1], [254 / 255, 1, 77 / 255]])


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_refuses_a_truncated_file(file_format: str, kept: float):
    content = encoded(Image.fromarray(texture(64, 64, 0)), file_format)
    luma(content, "whole")
    with pytest.raises(ValueError, match=r"image 'cut.img' cannot be read: .*[Tt]runcated"):
        luma(content[: int(kept * len(content))], "cut.img")


def test_refuses_a_progressive_jpeg_without_its_last_scans():
    content = encoded(Image.fromarray(texture(64, 64, 0)), "JPEG", progressive=True)
    with pytest.raises(ValueError, match=r"image 'cut.jpg' cannot be read"):
        luma(content[: len(content) // 2], "cut.jpg")


def test_refuses_a_png_with_a_flipped_bit():
    # Stored without compression: the damage is one wrong pixel, only the checksum tells.
    content = bytearray(encoded(Image.fromarray(texture(64, 64, 0)), compress_level=0))
    content[len(content) // 2] ^= 1
    with pytest.raises(ValueError, match=r"image 'flipped.png' cannot be read"):
        luma(bytes(content), "flipped.png")


@pytest.mark.parametrize("content", [b"", b"this is text, whatever its name says\n"])
def test_refuses_what_is_no_image(content: bytes):
    with pytest.raises(ValueError, match=r"image 'a.png' cannot be read: it is not a PNG, JPEG or BMP file"):
        luma(content, "a.png")


def test_refuses_another_format():
    with pytest.raises(ValueError, match=r"image 'a.png' cannot be read: it is not a PNG, JPEG or BMP file"):
        luma(encoded(Image.fromarray(GREYS), "GIF"), "a.png")


def test_refuses_to_work_while_pillow_loads_truncated_images(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.raises(ValueError, match=r"damage to image 'a.png' would go unseen"):
        luma(encoded(Image.fromarray(GREYS)), "a.png")


def test_barbara(shared_data: Path):
    values = luma((shared_data / "barbara_gray.bmp").read_bytes(), "barbara_gray.bmp")
    assert values.shape == (512, 512)
    assert 0.3 < values.mean() < 0.6
    levels = values * 255
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-9)
