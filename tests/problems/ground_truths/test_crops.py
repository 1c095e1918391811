"""Random crops: where they fall, and what happens to those without content."""

import numpy as np
import pytest
import scipy.stats

from hypergrad_bench.problems.ground_truths.crops import random_crops


def test_crops_without_content_are_drawn_again():
    # Content in one corner only: 9 of the 36 positions of a 3 x 3 crop see it.
    image = np.zeros((8, 8))
    image[:3, :3] = np.arange(1, 10).reshape(3, 3)
    crops = random_crops([lambda: image, lambda: np.ones((8, 8))], (200, 3, 3), np.random.SeedSequence(0))
    assert (np.ptp(crops, axis=(1, 2)) > 0).all()
    again = random_crops([lambda: image, lambda: np.ones((8, 8))], (200, 3, 3), np.random.SeedSequence(0))
    np.testing.assert_array_equal(crops, again)


def test_gives_up_on_blank_images():
    loads = []

    def blank() -> np.ndarray:
        loads.append(1)
        return np.full((8, 8), 0.5)

    with pytest.raises(ValueError, match="100 tries gave no crop of 3 x 4 pixels with content"):
        random_crops([blank], (2, 3, 4), np.random.SeedSequence(0))
    assert len(loads) == 100


def test_every_position_and_image_is_reached():
    images = [np.arange(20.0).reshape(4, 5) + 100 * index for index in range(3)]
    loaders = [lambda image=image: image for image in images]
    crops = random_crops(loaders, (3000, 2, 3), np.random.SeedSequence(0))
    corners, counts = np.unique(crops[:, 0, 0], return_counts=True)
    expected = [image[top, left] for image in images for top in range(3) for left in range(3)]
    np.testing.assert_array_equal(corners, sorted(expected))
    assert scipy.stats.chisquare(counts).pvalue > 1e-4


def test_an_image_as_large_as_the_crop():
    image = np.arange(6.0).reshape(2, 3)
    (crop,) = random_crops([lambda: image], (1, 2, 3), np.random.SeedSequence(0))
    np.testing.assert_array_equal(crop, image)


def test_an_image_is_loaded_once():
    loads = []

    def load() -> np.ndarray:
        loads.append(1)
        return np.arange(30.0).reshape(5, 6)

    random_crops([load], (50, 2, 2), np.random.SeedSequence(0))
    assert len(loads) == 1
