"""Filters with which benchmarks and training runs start."""

import numpy as np
from jaxtyping import Float64

COUNT, SIZE = 8, 3


def initial_filters(shape: tuple[int, ...], seed: int) -> Float64[np.ndarray, "8 3 3"]:
    """Return two differences and six random zero-mean filters, each perturbed, shape (8, 3, 3), float64.

    The random filters have norm one half; zero mean keeps constant images free of charge, and the
    perturbation makes no two of them exact multiples.

    Raises:
        ValueError: if `shape` is not that of an image (h, w) with both sides at least 3.
    """
    if len(shape) != 2 or min(shape) < SIZE:
        raise ValueError(f"filters start on images (h, w) of at least {SIZE} x {SIZE}; got shape {shape}")
    generator = np.random.default_rng([seed, 2])
    filters = generator.normal(size=(COUNT, SIZE, SIZE))
    filters -= filters.mean(axis=(1, 2), keepdims=True)
    filters *= 0.5 / np.linalg.norm(filters, axis=(1, 2), keepdims=True)
    filters[:2] *= 0.1
    filters[0, 1, 1:] += [-1.0, 1.0]
    filters[1, 1:, 1] += [-1.0, 1.0]
    return filters
