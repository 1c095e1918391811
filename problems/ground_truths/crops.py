"""Random crops of images."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float64

# Enough for images of which one crop in ten has content (all tries fail for one crop in 40,000), and an end
# for blank ones.
MOST_TRIES = 100


def random_crops(
    images: Sequence[Callable[[], Float64[np.ndarray, "_ _ *channels"]]],
    shape: tuple[int, ...],
    sequence: np.random.SeedSequence,
) -> Float64[np.ndarray, "count height width *channels"]:
    """Cut crops, each out of an image drawn uniformly, at a position drawn uniformly.

    A crop of one single grey value has no content: image and position are drawn again. Every crop has a
    random stream of its own, so that a larger count only appends; an image is loaded once for all its crops.
    Caveat: an image counts the same whatever its size, so that pixels of small images are seen more often.

    Args:
        images: functions that load one image each, every one at least (height, width).
        shape: (count, height, width), or (count, height, width, 3) for images in colour.
        sequence: the random stream.

    Raises:
        ValueError: if a crop still has no content after 100 tries.
    """
    crops = np.empty(shape)
    generators = [np.random.default_rng(child) for child in sequence.spawn(shape[0])]
    pending = list(range(shape[0]))
    for _ in range(MOST_TRIES):
        for image, wanted in _draw_images(generators, pending, len(images)).items():
            pixels = images[image]()
            for index in wanted:
                crops[index] = _crop(pixels, shape[1:], generators[index])
        pending = [index for index in pending if np.ptp(crops[index]) == 0]
        if not pending:
            return crops
    raise ValueError(
        f"{MOST_TRIES} tries gave no crop of {shape[1]} x {shape[2]} pixels with content: almost all crops "
        "of these images have one single grey value; use larger crops or other images"
    )


def _draw_images(
    generators: Sequence[np.random.Generator], pending: Sequence[int], number: int
) -> dict[int, list[int]]:
    """Draw one of `number` images for each pending crop; return the crops of each image."""
    crops_of = defaultdict(list)
    for index in pending:
        crops_of[int(generators[index].integers(number))].append(index)
    return crops_of


def _crop(
    pixels: Float64[np.ndarray, "_ _ *channels"], shape: tuple[int, ...], generator: np.random.Generator
) -> Float64[np.ndarray, "height width *channels"]:
    top, left = (
        generator.integers(side - size + 1) for side, size in zip(pixels.shape[:2], shape[:2], strict=True)
    )
    return pixels[top : top + shape[0], left : left + shape[1]]
