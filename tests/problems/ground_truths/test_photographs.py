"""Photographs of scikit-image's wheel: their split, their crops, and what is told where there are none."""

import importlib.resources
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest

from hypergrad_bench.problems.files.luma import luma
from hypergrad_bench.problems.ground_truth import Split
from hypergrad_bench.problems.ground_truths import photographs
from hypergrad_bench.problems.ground_truths.photographs import FILES, Photographs


def test_splits_share_no_photograph():
    assert not set(FILES["train"]) & set(FILES["test"])
    assert len(set(FILES["train"])) == 8
    assert len(set(FILES["test"])) == 4


@pytest.mark.parametrize("split", ["train", "test"])
def test_crops_are_windows_of_the_photographs_of_their_split(split: Split):
    size = 24
    originals = [luma(file(name).read_bytes(), name) for name in FILES[split]]
    shrunk = [halve(original) for original in originals]
    drawn = [
        next(index for index, image in enumerate(shrunk) if holds(image, crop))
        for crop in Photographs().sample((size, size), 60, 0, split)
    ]
    assert set(drawn) == set(range(len(originals)))


def test_values_are_grey_in_the_unit_interval_with_content():
    crops = Photographs().sample((32, 32), 400, 0)
    assert crops.min() >= 0
    assert crops.max() <= 1
    assert (np.ptp(crops, axis=(1, 2)) > 0).all()
    # Most crops show structure, the reason for the default scale.
    assert np.mean(crops.std(axis=(1, 2)) < 0.02) < 0.05


def test_scale_one_keeps_the_pixels():
    (crop,) = Photographs(scale=1).sample((512, 512), 1, 0, "test")
    originals = [luma(file(name).read_bytes(), name) for name in FILES["test"]]
    assert any(np.array_equal(crop, original) for original in originals)


def test_small_photographs_are_left_out():
    # At scale 2 page.png has 191 // 2 = 95 rows and text.png 172 // 2 = 86.
    assert Photographs().sample((100, 100), 30, 0, "train").shape == (30, 100, 100)
    assert Photographs().sample((100, 100), 30, 0, "test").shape == (30, 100, 100)


def test_says_the_largest_possible_crop():
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
def test_refuses_a_bad_scale(scale: int):
    with pytest.raises(ValueError, match=f"scale must be a whole number, at least 1; got {scale}"):
        Photographs(scale)


def test_names_a_missing_file(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(photographs, "FILES", MappingProxyType({"train": ("absent.png",), "test": ()}))
    with pytest.raises(FileNotFoundError, match=r"photograph 'absent.png' is missing .* scikit-image [0-9]"):
        Photographs().sample((8, 8), 1, 0)


def test_callers_cannot_spoil_the_cache():
    first = Photographs().sample((16, 16), 2, 0)
    first[:] = 7
    assert Photographs().sample((16, 16), 2, 0).max() <= 1
    with pytest.raises(ValueError, match="read-only"):
        photographs._photograph("camera.png", 2)[0, 0] = 7


def file(name: str) -> Path:
    return Path(str(importlib.resources.files("skimage")), "data", name)


def halve(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    even = image[:height, :width]
    return (even[::2, ::2] + even[::2, 1::2] + even[1::2, ::2] + even[1::2, 1::2]) / 4


def holds(image: np.ndarray, crop: np.ndarray) -> bool:
    windows = np.lib.stride_tricks.sliding_window_view(image, crop.shape)
    candidates = np.argwhere(np.abs(windows[..., 0, 0] - crop[0, 0]) < 1e-12)
    return any(np.allclose(windows[top, left], crop, rtol=0, atol=1e-12) for top, left in candidates)
