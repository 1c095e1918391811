"""Patches of an image, and the image that overlapping patches average to."""

import numpy as np
from jaxtyping import Float64

SIDE = 8
"""Pixels along each side of a patch."""


def patches_of(image: Float64[np.ndarray, "h w"], stride: int = 1) -> Float64[np.ndarray, "count pixels"]:
    """Return the patches at every `stride` pixels in both directions, each as a row, and those at the end."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (SIDE, SIDE))
    rows, columns = (_starts(count, stride) for count in windows.shape[:2])
    return windows[np.ix_(rows, columns)].reshape(-1, SIDE * SIDE)


def average_patches(
    patches: Float64[np.ndarray, "count pixels"], shape: tuple[int, int], stride: int = 1
) -> Float64[np.ndarray, "h w"]:
    """Return the image whose every pixel is the mean of what the patches say of it."""
    rows, columns = (_starts(side - SIDE + 1, stride) for side in shape)
    grid = patches.reshape(len(rows), len(columns), SIDE, SIDE)
    total, counts = np.zeros(shape), np.zeros(shape)
    for down in range(SIDE):
        for across in range(SIDE):
            at = np.ix_(rows + down, columns + across)
            total[at] += grid[:, :, down, across]
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


def _starts(count: int, stride: int) -> np.ndarray:
    """Return the first pixels of patches along one axis; the last patch ends with the image."""
    return np.unique(np.append(np.arange(0, count, stride), count - 1))
