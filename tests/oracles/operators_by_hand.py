"""Operators as explicit sums and matrices, numpy alone."""

import itertools
from collections.abc import Callable

import numpy as np


def correlate_by_hand(filters: np.ndarray, x: np.ndarray, boundary: str) -> np.ndarray:
    """Sum filters[k, a, b] x[i + a - c, j + b - c] with c = (s - 1) // 2, pixel by pixel."""
    count, size, _ = filters.shape
    centre = (size - 1) // 2
    out = np.zeros((count, *x.shape))
    for k, i, j, a, b in itertools.product(range(count), *map(range, x.shape), range(size), range(size)):
        row = _inside(i + a - centre, x.shape[0], boundary)
        column = _inside(j + b - centre, x.shape[1], boundary)
        if row is not None and column is not None:
            out[k, i, j] += filters[k, a, b] * x[row, column]
    return out


def _inside(index: int, length: int, boundary: str) -> int | None:
    if boundary == "circular":
        return index % length
    if 0 <= index < length:
        return index
    if boundary == "zero":
        return None
    if boundary == "replicate":
        return min(max(index, 0), length - 1)
    return -index if index < 0 else 2 * (length - 1) - index


def blur_by_hand(kernel: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Sum kernel[j] x[i + size // 2 - j], circularly, entry by entry, for any number of axes."""
    out = np.zeros_like(x)
    for i in np.ndindex(*x.shape):
        for j in np.ndindex(*kernel.shape):
            source = tuple(
                (a + s // 2 - b) % n for a, b, s, n in zip(i, j, kernel.shape, x.shape, strict=True)
            )
            out[i] += kernel[j] * x[source]
    return out


def matrix_by_hand(operator: Callable[[np.ndarray], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Stack the images of the unit vectors as columns."""
    basis = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([np.ravel(operator(unit)) for unit in basis], axis=1)


def bank_tensor(shape: tuple[int, int, int], image: tuple[int, int], boundary: str) -> np.ndarray:
    """Return E, where the bank's matrix is sum_kab filters[k, a, b] E[k, a, b]."""
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    matrices = [matrix_by_hand(lambda x, u=unit: correlate_by_hand(u, x, boundary), image) for unit in units]
    return np.stack(matrices).reshape(*shape, *matrices[0].shape)


def blur_matrix(kernel: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the matrix of `blur_by_hand`, tap by tap."""
    size = int(np.prod(shape))
    matrix = np.zeros((size, size))
    for j in np.ndindex(*kernel.shape):
        source = [(np.arange(n) + s // 2 - b) % n for b, s, n in zip(j, kernel.shape, shape, strict=True)]
        pixels = np.ravel_multi_index(np.meshgrid(*source, indexing="ij"), shape).ravel()
        np.add.at(matrix, (np.arange(size), pixels), kernel[j])
    return matrix


def bank_matrix(filters: np.ndarray, shape: tuple[int, int], boundary: str) -> np.ndarray:
    """Return the matrix of `correlate_by_hand`, tap by tap."""
    count, size, _ = filters.shape
    matrix = np.zeros((count, *shape, *shape))
    for i, j, a, b in itertools.product(*map(range, shape), range(size), range(size)):
        row = _inside(i + a - (size - 1) // 2, shape[0], boundary)
        column = _inside(j + b - (size - 1) // 2, shape[1], boundary)
        if row is not None and column is not None:
            matrix[:, i, j, row, column] += filters[:, a, b]
    return matrix.reshape(count * int(np.prod(shape)), -1)


def taps_of(gradient: np.ndarray, filters: np.ndarray, shape: tuple[int, int], boundary: str) -> np.ndarray:
    """Chain a gradient by the entries of `bank_matrix` through the filters: its transpose."""
    count, size, _ = filters.shape
    entries = gradient.reshape(count, *shape, *shape)
    taps = np.zeros_like(filters)
    for i, j, a, b in itertools.product(*map(range, shape), range(size), range(size)):
        row = _inside(i + a - (size - 1) // 2, shape[0], boundary)
        column = _inside(j + b - (size - 1) // 2, shape[1], boundary)
        if row is not None and column is not None:
            taps[:, a, b] += entries[:, i, j, row, column]
    return taps
