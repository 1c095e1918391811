"""Ground truths: what is drawn, that it repeats, that splits are disjoint, and how bad input is told."""

import dataclasses
import io
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import scipy.fft
import scipy.stats
from PIL import Image, ImageFile

from hypergrad_bench.problems import photographs
from hypergrad_bench.problems.crops import random_crops
from hypergrad_bench.problems.dct_sparse import DctSparse
from hypergrad_bench.problems.draws import require_split, seed_sequence
from hypergrad_bench.problems.ground_truth import GroundTruth
from hypergrad_bench.problems.image_folder import ImageFolder
from hypergrad_bench.problems.luma import luma
from hypergrad_bench.problems.photographs import FILES, Photographs
from hypergrad_bench.problems.piecewise_constant import PiecewiseConstant


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Return random 8-bit grey values: any two crops of it differ."""
    return np.random.default_rng(seed).integers(0, 256, (height, width), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of seven 20 x 24 grey images, image i with values from 36 i on: crops tell their image."""
    path = tmp_path / "pictures"
    path.mkdir()
    for index in range(7):
        Image.fromarray(texture(20, 24, index) // 8 + 36 * index).save(path / f"{index}.png")
    return path


def image_of(crop: np.ndarray) -> int:
    """Return the index of the image in `folder` that a crop was cut out of."""
    return int(crop.max() * 255 // 36)


@pytest.fixture(params=["PiecewiseConstant", "DctSparse", "Photographs", "ImageFolder"])
def truth_and_shape(request: pytest.FixtureRequest, folder: Path) -> tuple[GroundTruth, tuple[int, ...]]:
    """Return each ground truth with a shape that it supports."""
    return {
        "PiecewiseConstant": (PiecewiseConstant(), (64,)),
        "DctSparse": (DctSparse(), (64,)),
        "Photographs": (Photographs(), (16, 12)),
        "ImageFolder": (ImageFolder(folder), (8, 6)),
    }[request.param]


class TestEveryGroundTruth:
    def test_keeps_the_contract(self, truth_and_shape):
        truth, shape = truth_and_shape
        assert isinstance(truth, GroundTruth)
        assert dataclasses.is_dataclass(truth)
        assert all(field.default is not dataclasses.MISSING for field in dataclasses.fields(truth))
        assert truth.supports(shape) is None
        samples = truth.sample(shape, 3, 0)
        assert samples.shape == (3, *shape)
        assert samples.dtype == np.float64
        assert np.isfinite(samples).all()

    def test_same_arguments_give_the_same_bits(self, truth_and_shape):
        truth, shape = truth_and_shape
        again = dataclasses.replace(truth)
        assert again == truth
        assert hash(again) == hash(truth)
        assert truth.sample(shape, 5, 7).tobytes() == again.sample(shape, 5, 7).tobytes()

    def test_larger_count_only_appends(self, truth_and_shape):
        truth, shape = truth_and_shape
        np.testing.assert_array_equal(truth.sample(shape, 3, 1), truth.sample(shape, 9, 1)[:3])

    @pytest.mark.parametrize("other", [{"seed": 1}, {"split": "test"}])
    def test_other_seed_or_split_gives_other_samples(self, truth_and_shape, other):
        truth, shape = truth_and_shape
        samples = truth.sample(shape, 4, 0)
        different = truth.sample(shape, 4, **({"seed": 0} | other))
        assert not any(np.array_equal(a, b) for a in samples for b in different)

    def test_samples_of_one_call_differ(self, truth_and_shape):
        truth, shape = truth_and_shape
        assert len(np.unique(truth.sample(shape, 20, 0), axis=0)) == 20

    def test_survives_pickling(self, truth_and_shape):
        truth, shape = truth_and_shape
        copy = pickle.loads(pickle.dumps(truth))
        np.testing.assert_array_equal(copy.sample(shape, 2, 0), truth.sample(shape, 2, 0))

    def test_refuses_another_number_of_axes_or_an_empty_axis(self, truth_and_shape):
        truth, shape = truth_and_shape
        for wrong in [(), (*shape, 2), (*shape[:-1], 0)]:
            reason = truth.supports(wrong)
            assert reason is not None
            assert f"got shape {wrong}" in reason
            with pytest.raises(ValueError, match=re.escape(reason)):
                truth.sample(wrong, 1, 0)

    def test_refuses_a_bad_count_seed_or_split(self, truth_and_shape):
        truth, shape = truth_and_shape
        with pytest.raises(ValueError, match="count must be a whole number, at least 1; got 0"):
            truth.sample(shape, 0, 0)
        with pytest.raises(ValueError, match="seed must be a whole number, at least 0; got -1"):
            truth.sample(shape, 1, -1)
        # A run-time type checker may be first to refuse it, as a TypeError.
        with pytest.raises((ValueError, TypeError), match="validation"):
            truth.sample(shape, 1, 0, "validation")


class TestSeedSequence:
    def test_streams_are_independent(self):
        names = [("A", 0, "train"), ("A", 0, "test"), ("A", 1, "train"), ("B", 0, "train")]
        draws = [np.random.default_rng(seed_sequence(*name)).standard_normal(20_000) for name in names]
        correlation = np.corrcoef(draws) - np.eye(len(names))
        # Independent streams stay within five standard deviations, 5 / sqrt(20000).
        assert np.abs(correlation).max() < 5 / np.sqrt(20_000)

    def test_is_the_same_in_another_process(self):
        code = (
            "from hypergrad_bench.problems.piecewise_constant import PiecewiseConstant;"
            "print(PiecewiseConstant().sample((16,), 2, 5).tobytes().hex())"
        )
        # Another hash seed, so that a stream made from hash() would change.
        output = run_python(code, PYTHONHASHSEED="12345")
        assert output == PiecewiseConstant().sample((16,), 2, 5).tobytes().hex()

    def test_numpy_integers_are_whole_numbers(self):
        # In a process of its own: the annotations, checked here, ask for Python's own integers.
        code = (
            "from numpy import int64; from hypergrad_bench.problems.photographs import Photographs;"
            "print(Photographs().sample((int64(8), int64(9)), int64(2), int64(5)).tobytes().hex())"
        )
        assert run_python(code) == Photographs().sample((8, 9), 2, 5).tobytes().hex()

    def test_refuses_an_unknown_split(self):
        with pytest.raises(ValueError, match="split must be 'train' or 'test'; got 'validation'"):
            require_split("validation")


def run_python(code: str, **environment: str) -> str:
    """Return what `code` prints in a new process, where no annotation is checked."""
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return ran.stdout.strip()


class TestPiecewiseConstant:
    @pytest.mark.parametrize("probability", [0.1, 0.4])
    def test_jumps_as_often_as_asked(self, probability):
        signals = PiecewiseConstant(probability).sample((64,), 2000, 0)
        jumps = np.diff(signals, axis=1) != 0
        low, high = scipy.stats.binom.interval(1 - 1e-6, jumps.size, probability)
        assert low <= jumps.sum() <= high
        # Every position jumps equally often: a fixed grid of plateaus has the right rate too.
        low, high = scipy.stats.binom.interval(1 - 1e-8, len(jumps), probability)
        assert ((low <= jumps.sum(axis=0)) & (jumps.sum(axis=0) <= high)).all()

    def test_plateau_heights_are_uniform_and_independent(self):
        signals = PiecewiseConstant().sample((200,), 500, 3)
        starts = np.diff(signals, axis=1, prepend=-1) != 0
        assert signals.min() >= 0 and signals.max() < 1
        assert scipy.stats.kstest(signals[starts], "uniform").pvalue > 1e-4
        heights = signals[starts]
        assert abs(np.corrcoef(heights[:-1], heights[1:])[0, 1]) < 5 / np.sqrt(heights.size)

    def test_extreme_probabilities(self):
        constant = PiecewiseConstant(0.0).sample((50,), 20, 0)
        assert (np.ptp(constant, axis=1) == 0).all()
        assert len(np.unique(constant)) == 20
        assert (np.diff(PiecewiseConstant(1.0).sample((50,), 20, 0), axis=1) != 0).all()

    def test_a_signal_of_one_sample(self):
        assert PiecewiseConstant().sample((1,), 4, 0).shape == (4, 1)

    @pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
    def test_refuses_what_is_no_probability(self, probability):
        with pytest.raises(
            ValueError, match=rf"jump_probability must be a number in \[0, 1\]; got {probability}"
        ):
            PiecewiseConstant(probability)


class TestDctSparse:
    @pytest.mark.parametrize("density", [0.1, 0.5])
    def test_support_is_as_dense_as_asked(self, density):
        support = np.abs(self.coefficients(density)) > 1e-12
        low, high = scipy.stats.binom.interval(1 - 1e-6, support.size, density)
        assert low <= support.sum() <= high
        low, high = scipy.stats.binom.interval(1 - 1e-8, len(support), density)
        assert ((low <= support.sum(axis=0)) & (support.sum(axis=0) <= high)).all()

    def test_coefficients_on_the_support_are_uniform(self):
        coefficients = self.coefficients(0.1)
        values = coefficients[np.abs(coefficients) > 1e-12]
        assert scipy.stats.kstest(values, "uniform", args=(-1, 2)).pvalue > 1e-4

    def test_extreme_densities(self):
        np.testing.assert_array_equal(DctSparse(0.0).sample((8,), 3, 0), np.zeros((3, 8)))
        assert (np.abs(scipy.fft.dct(DctSparse(1.0).sample((32,), 20, 0), norm="ortho")) > 1e-12).all()

    @pytest.mark.parametrize("density", [-0.1, 1.5, float("nan")])
    def test_refuses_what_is_no_probability(self, density):
        with pytest.raises(ValueError, match=rf"density must be a number in \[0, 1\]; got {density}"):
            DctSparse(density)

    def coefficients(self, density: float) -> np.ndarray:
        """Analyse signals with the DCT-II matrix written out, not with the library that made them."""
        n = 64
        rows, columns = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        dct = np.sqrt(2 / n) * np.cos(np.pi * rows * (2 * columns + 1) / (2 * n))
        dct[0] /= np.sqrt(2)
        return DctSparse(density).sample((n,), 2000, 0) @ dct.T


class TestPhotographs:
    def test_splits_share_no_photograph(self):
        assert not set(FILES["train"]) & set(FILES["test"])
        assert len(set(FILES["train"])) == 8
        assert len(set(FILES["test"])) == 4

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_crops_are_windows_of_the_photographs_of_their_split(self, split):
        size = 24
        originals = [luma(self.file(name).read_bytes(), name) for name in FILES[split]]
        shrunk = [self.halve(original) for original in originals]
        drawn = [
            next(index for index, image in enumerate(shrunk) if self.holds(image, crop))
            for crop in Photographs().sample((size, size), 60, 0, split)
        ]
        assert set(drawn) == set(range(len(originals)))

    def test_values_are_grey_in_the_unit_interval_with_content(self):
        crops = Photographs().sample((32, 32), 400, 0)
        assert crops.min() >= 0 and crops.max() <= 1
        assert (np.ptp(crops, axis=(1, 2)) > 0).all()
        # Most crops show structure, the reason for the default scale.
        assert np.mean(crops.std(axis=(1, 2)) < 0.02) < 0.05

    def test_scale_one_keeps_the_pixels(self):
        (crop,) = Photographs(scale=1).sample((512, 512), 1, 0, "test")
        originals = [luma(self.file(name).read_bytes(), name) for name in FILES["test"]]
        assert any(np.array_equal(crop, original) for original in originals)

    def test_small_photographs_are_left_out(self):
        # At scale 2 these hold only crops of at most 191 // 2 = 95 and 172 // 2 = 86 rows.
        for split, names in [("train", ["page.png"]), ("test", ["text.png"])]:
            small = [self.halve(luma(self.file(name).read_bytes(), name)) for name in names]
            crops = Photographs().sample((100, 100), 30, 0, split)
            assert all(image.shape[0] < 100 for image in small)
            assert crops.shape == (30, 100, 100)

    def test_says_the_largest_possible_crop(self):
        reason = Photographs().supports((300, 300))
        assert reason == (
            "no photograph to train with holds a crop of 300 x 300 pixels at scale 2; "
            "the largest possible are 250 x 370 and 256 x 256"
        )
        with pytest.raises(ValueError, match="the largest possible are 250 x 370 and 256 x 256"):
            Photographs().sample((300, 300), 1, 0)
        assert Photographs().supports((256, 256)) is None
        assert "to test with" in str(Photographs().supports((250, 370)))
        assert "are 62 x 92 and 64 x 64" in str(Photographs(scale=8).supports((128, 128)))

    @pytest.mark.parametrize("scale", [0, -2, True])
    def test_refuses_a_bad_scale(self, scale):
        with pytest.raises(ValueError, match=f"scale must be a whole number, at least 1; got {scale}"):
            Photographs(scale)

    def test_names_a_missing_file(self, monkeypatch):
        monkeypatch.setattr(photographs, "FILES", MappingProxyType({"train": ("absent.png",), "test": ()}))
        with pytest.raises(
            FileNotFoundError, match=r"photograph 'absent.png' is missing .* scikit-image [0-9]"
        ):
            Photographs().sample((8, 8), 1, 0)

    def test_callers_cannot_spoil_the_cache(self):
        first = Photographs().sample((16, 16), 2, 0)
        first[:] = 7
        assert Photographs().sample((16, 16), 2, 0).max() <= 1
        with pytest.raises(ValueError, match="read-only"):
            photographs._photograph("camera.png", 2)[0, 0] = 7

    def file(self, name: str) -> Path:
        return Path(photographs.importlib.resources.files("skimage") / "data" / name)

    def halve(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
        even = image[:height, :width]
        return (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4

    def holds(self, image: np.ndarray, crop: np.ndarray) -> bool:
        windows = np.lib.stride_tricks.sliding_window_view(image, crop.shape)
        candidates = np.argwhere(np.abs(windows[..., 0, 0] - crop[0, 0]) < 1e-12)
        return any(np.allclose(windows[top, left], crop, rtol=0, atol=1e-12) for top, left in candidates)


class TestRandomCrops:
    def test_crops_without_content_are_drawn_again(self):
        # Content in one corner only: 9 of the 36 positions of a 3 x 3 crop see it.
        image = np.zeros((8, 8))
        image[:3, :3] = np.arange(1, 10).reshape(3, 3)
        crops = random_crops([lambda: image, lambda: np.ones((8, 8))], (200, 3, 3), np.random.SeedSequence(0))
        assert (np.ptp(crops, axis=(1, 2)) > 0).all()
        again = random_crops([lambda: image, lambda: np.ones((8, 8))], (200, 3, 3), np.random.SeedSequence(0))
        np.testing.assert_array_equal(crops, again)

    def test_gives_up_on_blank_images(self):
        loads = []

        def blank() -> np.ndarray:
            loads.append(1)
            return np.full((8, 8), 0.5)

        with pytest.raises(ValueError, match="100 tries gave no crop of 3 x 4 pixels with content"):
            random_crops([blank], (2, 3, 4), np.random.SeedSequence(0))
        assert len(loads) == 100

    def test_every_position_and_image_is_reached(self):
        images = [np.arange(20.0).reshape(4, 5) + 100 * index for index in range(3)]
        loaders = [lambda image=image: image for image in images]
        crops = random_crops(loaders, (3000, 2, 3), np.random.SeedSequence(0))
        corners, counts = np.unique(crops[:, 0, 0], return_counts=True)
        expected = [image[top, left] for image in images for top in range(3) for left in range(3)]
        np.testing.assert_array_equal(corners, sorted(expected))
        assert scipy.stats.chisquare(counts).pvalue > 1e-4

    def test_an_image_as_large_as_the_crop(self):
        image = np.arange(6.0).reshape(2, 3)
        (crop,) = random_crops([lambda: image], (1, 2, 3), np.random.SeedSequence(0))
        np.testing.assert_array_equal(crop, image)

    def test_an_image_is_loaded_once(self):
        loads = []

        def load() -> np.ndarray:
            loads.append(1)
            return np.arange(30.0).reshape(5, 6)

        random_crops([load], (50, 2, 2), np.random.SeedSequence(0))
        assert len(loads) == 1


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


class TestLuma:
    @pytest.mark.parametrize("file_format", ["PNG", "BMP"])
    def test_colour(self, file_format):
        values = luma(encoded(Image.fromarray(COLOURS), file_format), "a")
        np.testing.assert_allclose(values, COLOURS_LUMA, rtol=0, atol=1e-15)
        assert values.dtype == np.float64

    @pytest.mark.parametrize("file_format", ["PNG", "BMP"])
    def test_grey(self, file_format):
        np.testing.assert_array_equal(luma(encoded(Image.fromarray(GREYS), file_format), "a"), GREYS / 255)

    def test_grey_stored_as_colour_gives_the_same_bits(self):
        every = np.arange(256, dtype=np.uint8).reshape(16, 16)
        colour = np.repeat(every[..., None], 3, axis=2)
        np.testing.assert_array_equal(luma(encoded(Image.fromarray(colour)), "a"), every / 255)
        opaque = Image.fromarray(colour).convert("RGBA")
        np.testing.assert_array_equal(luma(encoded(opaque), "a"), every / 255)

    def test_jpeg(self):
        smooth = np.tile(np.linspace(20, 230, 32).astype(np.uint8), (32, 1))
        values = luma(encoded(Image.fromarray(smooth), "JPEG", quality=95), "a")
        np.testing.assert_allclose(values, smooth / 255, atol=0.02)
        flat = Image.new("RGB", (16, 16), (200, 100, 50))
        expected = (0.299 * 200 + 0.587 * 100 + 0.114 * 50) / 255
        np.testing.assert_allclose(luma(encoded(flat, "JPEG"), "a"), expected, atol=0.01)
        np.testing.assert_allclose(luma(encoded(flat.convert("CMYK"), "JPEG"), "a"), expected, atol=0.02)

    def test_sixteen_bits_keep_all_bits(self):
        deep = np.array([[0, 1, 255], [256, 40_000, 65_535]], np.uint16)
        np.testing.assert_array_equal(luma(encoded(Image.fromarray(deep)), "a"), deep / 65535)

    def test_palette(self):
        image = Image.fromarray(COLOURS).convert("P", palette=Image.Palette.ADAPTIVE)
        assert image.mode == "P"
        for file_format in ["PNG", "BMP"]:
            np.testing.assert_allclose(
                luma(encoded(image, file_format), "a"), COLOURS_LUMA, rtol=0, atol=1e-15
            )

    def test_one_bit(self):
        bits = np.array([[0, 1, 1], [1, 0, 0]])
        image = Image.fromarray((bits * 255).astype(np.uint8)).convert("1")
        for file_format in ["PNG", "BMP"]:
            np.testing.assert_array_equal(luma(encoded(image, file_format), "a"), bits)

    def test_transparent_colour_is_laid_over_white(self):
        opacity = np.array([[255, 0, 51], [255, 0, 102]], np.uint8)
        image = Image.fromarray(np.dstack([COLOURS, opacity]))
        assert image.mode == "RGBA"
        expected = opacity / 255 * COLOURS_LUMA + (1 - opacity / 255)
        np.testing.assert_allclose(luma(encoded(image), "a"), expected, rtol=0, atol=1e-15)

    def test_transparent_grey_is_laid_over_white(self):
        opacity = np.array([[255, 0, 51], [255, 0, 102]], np.uint8)
        image = Image.merge("LA", [Image.fromarray(GREYS), Image.fromarray(opacity)])
        expected = opacity / 255 * (GREYS / 255) + (1 - opacity / 255)
        np.testing.assert_allclose(luma(encoded(image), "a"), expected, rtol=0, atol=1e-15)

    @pytest.mark.parametrize("transparency", [1, b"\xff\x00\xff"])
    def test_palette_with_a_transparent_colour(self, transparency):
        image = Image.new("P", (3, 1))
        image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        for column in range(3):
            image.putpixel((column, 0), column)
        values = luma(encoded(image, transparency=transparency), "a")
        np.testing.assert_allclose(values, [[0.299, 1, 0.114]], rtol=0, atol=1e-15)

    def test_grey_with_a_transparent_level(self):
        values = luma(encoded(Image.fromarray(GREYS), transparency=128), "a")
        np.testing.assert_array_equal(values, [[0, 1 / 255, 1], [254 / 255, 1, 77 / 255]])

    @pytest.mark.parametrize("file_format", ["PNG", "JPEG", "BMP"])
    @pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
    def test_refuses_a_truncated_file(self, file_format, kept):
        content = encoded(Image.fromarray(texture(64, 64, 0)), file_format)
        luma(content, "whole")
        with pytest.raises(ValueError, match=r"image 'cut.img' cannot be read: .*[a-z]{4}"):
            luma(content[: int(kept * len(content))], "cut.img")

    def test_refuses_a_progressive_jpeg_without_its_last_scans(self):
        content = encoded(Image.fromarray(texture(64, 64, 0)), "JPEG", progressive=True)
        with pytest.raises(ValueError, match=r"image 'cut.jpg' cannot be read"):
            luma(content[: len(content) // 2], "cut.jpg")

    def test_refuses_a_png_with_a_flipped_bit(self):
        # Stored without compression: the damage would decode to a wrong pixel, only the checksum tells.
        content = bytearray(encoded(Image.fromarray(texture(64, 64, 0)), compress_level=0))
        content[len(content) // 2] ^= 1
        with pytest.raises(ValueError, match=r"image 'flipped.png' cannot be read"):
            luma(bytes(content), "flipped.png")

    @pytest.mark.parametrize("content", [b"", b"this is text, whatever its name says\n"])
    def test_refuses_what_is_no_image(self, content):
        with pytest.raises(
            ValueError, match=r"image 'a.png' cannot be read: it is not a PNG, JPEG or BMP file"
        ):
            luma(content, "a.png")

    def test_refuses_another_format(self):
        with pytest.raises(
            ValueError, match=r"image 'a.png' cannot be read: it is not a PNG, JPEG or BMP file"
        ):
            luma(encoded(Image.fromarray(GREYS), "GIF"), "a.png")

    def test_refuses_to_work_while_pillow_loads_truncated_images(self, monkeypatch):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        with pytest.raises(ValueError, match=r"damage to image 'a.png' would go unseen"):
            luma(encoded(Image.fromarray(GREYS)), "a.png")


class TestImageFolder:
    def test_splits_by_position(self, folder):
        truth = ImageFolder(folder)
        assert truth.names("test") == ("0.png", "5.png")
        assert truth.names("train") == ("1.png", "2.png", "3.png", "4.png", "6.png")

    @pytest.mark.parametrize(("split", "expected"), [("train", {1, 2, 3, 4, 6}), ("test", {0, 5})])
    def test_crops_come_from_their_split(self, folder, split, expected):
        crops = ImageFolder(folder).sample((8, 8), 100, 0, split)
        assert {image_of(crop) for crop in crops} == expected

    def test_every_suffix_in_any_case_and_nothing_else(self, tmp_path):
        names = ["B.PNG", "a.jpg", "c.Jpeg", "d.BMP", "e.jpeg", "f.JPG", "g.bmp", "h.png"]
        for index, name in enumerate(names):
            Image.fromarray(texture(16, 16, index)).save(tmp_path / name)
        for other in [".hidden.png", "notes.txt", "picture.gif", "png"]:
            (tmp_path / other).write_text("not an image")
        (tmp_path / "folder.png").mkdir()
        (tmp_path / "deeper").mkdir()
        Image.fromarray(texture(16, 16, 99)).save(tmp_path / "deeper" / "i.png")
        truth = ImageFolder(tmp_path)
        assert sorted(truth.names("train") + truth.names("test")) == names
        assert truth.sample((16, 16), 4, 0).shape == (4, 16, 16)

    def test_images_of_different_kinds_and_sizes(self, tmp_path):
        Image.fromarray(texture(9, 30, 0)).save(tmp_path / "a.png")
        Image.fromarray(np.dstack([texture(20, 8, i) for i in range(4)])).save(tmp_path / "b.png")
        deep = texture(12, 12, 5).astype(np.uint16) * 257
        Image.fromarray(deep).save(tmp_path / "c.png")
        truth = ImageFolder(tmp_path)
        crops = truth.sample((9, 8), 20, 0)
        assert crops.min() >= 0 and crops.max() <= 1
        reason = truth.supports((10, 8))
        assert reason is not None
        assert "image 'a.png' has 9 x 30 pixels (height x width), less than the crop of 10 x 8" in reason
        assert "at most 9 x 8" in reason
        with pytest.raises(ValueError, match=r"image 'b.png' has 20 x 8 pixels"):
            truth.sample((9, 9), 1, 0)

    def test_two_images_make_both_splits(self, tmp_path):
        for index in range(2):
            Image.fromarray(texture(16, 16, index)).save(tmp_path / f"{index}.png")
        truth = ImageFolder(tmp_path)
        assert truth.names("test") == ("0.png",)
        assert truth.names("train") == ("1.png",)

    @pytest.mark.parametrize(("number", "words"), [(0, "no image"), (1, "only one image")])
    def test_refuses_fewer_than_two_images(self, tmp_path, number, words):
        for index in range(number):
            Image.fromarray(texture(16, 16, index)).save(tmp_path / f"{index}.png")
        truth = ImageFolder(tmp_path)
        message = f"folder '{tmp_path.name}' holds {words}; it needs at least two"
        for use in [lambda: truth.sample((8, 8), 1, 0), truth.fingerprint, lambda: truth.names("train")]:
            with pytest.raises(ValueError, match=re.escape(message)) as raised:
                use()
            assert ".png, .jpg, .jpeg, .bmp" in str(raised.value)
        assert message in str(truth.supports((8, 8)))

    def test_refuses_a_missing_path(self, tmp_path):
        with pytest.raises(ValueError, match=r"image folder .*absent' does not exist"):
            ImageFolder(tmp_path / "absent")

    def test_refuses_a_file(self, folder):
        with pytest.raises(ValueError, match=r"0.png' is a file; give the folder that holds the images"):
            ImageFolder(folder / "0.png")

    def test_refuses_an_empty_path(self):
        with pytest.raises(ValueError, match="got an empty one"):
            ImageFolder("")

    def test_refuses_what_is_no_path(self):
        # A run-time type checker may be first to refuse it, with its own words.
        with pytest.raises(TypeError):
            ImageFolder(7)

    def test_refuses_an_unreadable_folder(self, folder, monkeypatch):
        # Simulated too, because permissions do not hold back an administrator.
        def deny(path: str) -> None:
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(os, "scandir", deny)
        with pytest.raises(ValueError, match=r"image folder .*pictures' cannot be read: Permission denied"):
            ImageFolder(folder)

    @pytest.mark.skipif(
        not hasattr(os, "geteuid") or os.geteuid() == 0, reason="permissions do not hold here"
    )
    def test_refuses_a_folder_without_permission(self, folder):
        folder.chmod(0)
        try:
            with pytest.raises(ValueError, match="cannot be read: Permission denied"):
                ImageFolder(folder)
        finally:
            folder.chmod(0o700)

    def test_refuses_an_unreadable_image(self, folder, monkeypatch):
        def deny(path: Path) -> bytes:
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(Path, "read_bytes", deny)
        with pytest.raises(ValueError, match=r"image '0\.png' cannot be read: Permission denied"):
            ImageFolder(folder).sample((8, 8), 1, 0)

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_refuses_a_truncated_image_whatever_the_draw(self, folder, split):
        whole = (folder / "3.png").read_bytes()
        (folder / "3.png").write_bytes(whole[: len(whole) // 2])
        truth = ImageFolder(folder)
        with pytest.raises(ValueError, match=r"image '3\.png' cannot be read: .*[a-z]{4}"):
            truth.sample((8, 8), 1, 0, split)
        with pytest.raises(ValueError, match=r"image '3\.png' cannot be read"):
            truth.fingerprint()

    def test_refuses_text_with_the_name_of_an_image(self, folder):
        (folder / "notes.png").write_text("not an image")
        with pytest.raises(
            ValueError, match=r"image 'notes\.png' cannot be read: it is not a PNG, JPEG or BMP"
        ):
            ImageFolder(folder).sample((8, 8), 1, 0)

    def test_refuses_a_link_to_nothing(self, folder):
        (folder / "broken.png").symlink_to(folder / "gone.png")
        with pytest.raises(ValueError, match=r"image 'broken\.png' cannot be read: No such file"):
            ImageFolder(folder)

    def test_blank_images_are_told(self, tmp_path):
        for index in range(2):
            Image.new("L", (16, 16), 40).save(tmp_path / f"{index}.png")
        with pytest.raises(ValueError, match="100 tries gave no crop of 8 x 8 pixels with content"):
            ImageFolder(tmp_path).sample((8, 8), 1, 0)

    def test_shows_no_local_path(self, folder, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for path in [folder, "pictures", "./pictures/", Path("pictures")]:
            assert repr(ImageFolder(path)) == "ImageFolder('pictures')"
            assert ImageFolder(path) == ImageFolder(folder)
        (folder / "notes.png").write_text("not an image")
        assert str(tmp_path) not in str(ImageFolder(folder).supports((8, 8)))

    def test_does_not_follow_the_working_directory(self, folder, tmp_path, monkeypatch):
        monkeypatch.chdir(folder)
        truth = ImageFolder()
        monkeypatch.chdir(tmp_path)
        np.testing.assert_array_equal(truth.sample((8, 8), 2, 0), ImageFolder(folder).sample((8, 8), 2, 0))

    def test_fingerprint_follows_names_and_contents_alone(self, folder, tmp_path):
        before = ImageFolder(folder).fingerprint()
        assert re.fullmatch("[0-9a-f]{16}", before)
        copy = tmp_path / "elsewhere"
        copy.mkdir()
        for path in folder.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        (copy / "notes.txt").write_text("not an image")
        assert ImageFolder(copy).fingerprint() == before
        (copy / "6.png").rename(copy / "7.png")
        renamed = ImageFolder(copy).fingerprint()
        Image.fromarray(texture(20, 24, 50)).save(copy / "7.png")
        changed = ImageFolder(copy).fingerprint()
        assert len({before, renamed, changed}) == 3

    def test_sees_a_changed_folder(self, folder):
        truth = ImageFolder(folder)
        assert truth.supports((20, 24)) is None
        Image.fromarray(texture(10, 10, 0)).save(folder / "7.png")
        assert "'7.png'" in str(truth.supports((20, 24)))
        assert "7.png" in truth.names("train")


class TestRealData:
    def test_cbsd68(self, shared_data):
        truth = ImageFolder(shared_data / "cbsd68")
        train, test = truth.names("train"), truth.names("test")
        assert (len(train), len(test)) == (54, 14)
        assert not set(train) & set(test)
        crops = truth.sample((48, 64), 200, 0)
        assert crops.min() >= 0 and crops.max() <= 1
        assert 0.2 < crops.mean() < 0.7
        # Portraits and landscapes are mixed: the largest crop that all hold is square.
        assert "at most 321 x 321" in str(truth.supports((481, 321)))

    def test_celeba(self, shared_data):
        truth = ImageFolder(shared_data / "celeba20")
        assert (len(truth.names("train")), len(truth.names("test"))) == (16, 4)
        assert truth.sample((218, 178), 3, 0, "test").shape == (3, 218, 178)

    def test_barbara(self, shared_data):
        values = luma((shared_data / "barbara_gray.bmp").read_bytes(), "barbara_gray.bmp")
        assert values.shape == (512, 512)
        assert 0.3 < values.mean() < 0.6
        levels = values * 255
        np.testing.assert_allclose(levels, np.round(levels), atol=1e-9)
