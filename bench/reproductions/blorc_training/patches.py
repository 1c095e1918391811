"""Patches of an image, and the image that overlapping patches average to."""

import numpy as np
from jaxtyping import Float64

SIDE = 8
"""Pixels along each side of a patch."""
TRAINING, STEPS = 50_000, 100_000
"""Patches that are drawn to train on, and steps of training at every rate; the authors take as many."""


def patches_of(image: Float64[np.ndarray, "h w"]) -> Float64[np.ndarray, "count pixels"]:
    """Return the patch at every pixel where one begins, each as a row."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))
    return windows.reshape(-1, SIDE * SIDE)


def average_patches(
    patches: Float64[np.ndarray, "count pixels"], shape: tuple[int, int]
) -> Float64[np.ndarray, "h w"]:
    """Return the image whose every pixel is the mean of what the patches say of it."""
    rows, columns = (side - SIDE + 1 for side in shape)
    grid = patches.T.reshape(SIDE, SIDE, rows, columns)
    total, counts = np.zeros(shape), np.zeros(shape)
    for down, across in np.ndindex(SIDE, SIDE):
        at = np.s_[down : down + rows, across : across + columns]
        total[at] += grid[down, across]
        counts[at] += 1
    return total / counts


def draw_patches(
    image: Float64[np.ndarray, "h w"], count: int, seed: int
) -> Float64[np.ndarray, "count pixels"]:
    """Draw patches uniformly over their positions, with replacement."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))
    generator = np.random.default_rng([seed, 19])
    down, across = (generator.integers(size, size=count) for size in windows.shape[:2])
    return windows[down, across].reshape(count, -1)
