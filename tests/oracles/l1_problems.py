"""l1 problems with their matrices: what the package solves and what numpy solves are the same."""

import jax.numpy as jnp
import numpy as np
from kkt_by_hand import Problem
from operators_by_hand import bank_matrix, blur_matrix

from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    FilterBank,
    Identity,
    LowerLevel,
    Mask,
    Photographs,
    PiecewiseConstant,
    Task,
    measure,
)


def signal(task: Task, seed: int, length: int = 16) -> LowerLevel:
    """A piecewise-constant signal, with the differences with which training starts."""
    A, y = measure(task, PiecewiseConstant().sample((length,), 1, seed), seed)
    return LowerLevel(A, y[0], AnalysisL1.initial((length,), seed))


def image(task: Task, seed: int, weight: float = 0.02, side: int = 12) -> LowerLevel:
    """A crop of a photograph, with the eight filters with which training starts."""
    A, y = measure(task, Photographs().sample((side, side), 1, seed), seed)
    W = AnalysisL1.initial((side, side), seed).W
    return LowerLevel(A, y[0], AnalysisL1(W, jnp.asarray(weight, jnp.float64)))


def random(sizes: tuple[int, int, int], seed: int) -> LowerLevel:
    """Random matrices A (k, n) and W (m, n), sizes (k, n, m), with a weight for every row."""
    count, length, rows = sizes
    generator = np.random.default_rng(seed)
    A, W = (generator.normal(size=(size, length)) / np.sqrt(length) for size in (count, rows))
    weight, y = generator.uniform(0.05, 0.15, rows), generator.normal(size=count)
    return LowerLevel(
        Dense(jnp.asarray(A)), jnp.asarray(y), AnalysisL1(Dense(jnp.asarray(W)), jnp.asarray(weight))
    )


def by_hand(lower: LowerLevel) -> Problem:
    """The same problem as matrices that are built entry by entry."""
    y, regularizer = np.asarray(lower.y), lower.regularizer
    shape, bank = lower.shape, regularizer.W
    if isinstance(bank, FilterBank):
        W = bank_matrix(np.asarray(bank.filters), shape, bank.boundary)
    else:
        W = np.asarray(bank.matrix)
    weight = np.asarray(regularizer.weight)
    each = np.repeat(weight, len(W) // weight.size) if weight.ndim else np.full(len(W), weight)
    return Problem(_data_matrix(lower, y.size), W, each, y.ravel())


def _data_matrix(lower: LowerLevel, size: int) -> np.ndarray:
    A = lower.A
    if isinstance(A, Identity):
        return np.eye(size)
    if isinstance(A, Mask):
        return np.diag(np.ravel(A.mask))
    return blur_matrix(np.asarray(A.kernel), lower.shape) if isinstance(A, Blur) else np.asarray(A.matrix)


def data_leaf(lower: LowerLevel, gradient: np.ndarray) -> np.ndarray:
    """Chain a gradient by the entries of A's matrix to A's own array."""
    if isinstance(lower.A, Mask):
        return np.diag(gradient).reshape(lower.shape)
    if isinstance(lower.A, Dense):
        return gradient
    shape = lower.A.kernel.shape
    units = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.array([np.sum(gradient * blur_matrix(unit, lower.shape)) for unit in units]).reshape(shape)
