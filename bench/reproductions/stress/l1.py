"""l1 problems that are hard to differentiate, each for one known reason."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64

from ....problems import AnalysisL1, Dense, Identity, LowerLevel, PiecewiseConstant, Task, measure
from .challenge import Challenge, along


def l1(name: str, why: str, task: Task, length: int = 12) -> Challenge:
    """Make an l1 problem of a task on one piecewise-constant signal."""
    truth = PiecewiseConstant().sample((length,), 1, 0)
    A, y = measure(task, truth, 0)
    lower = LowerLevel(A, y[0], AnalysisL1.initial((length,), 0))
    return Challenge(name, why, along(lower, 3), 3, jnp.asarray(truth[0]), "certified")


def unseen_l1() -> Challenge:
    """Neither A nor W sees a constant; theta moves one weight per row."""
    generator = np.random.default_rng(4)
    matrix = generator.normal(size=(8, 10)) / 3
    A = Dense(jnp.asarray(matrix - matrix.mean(axis=1, keepdims=True)))
    target = jnp.asarray(np.repeat([0.2, 0.9, 0.4], [3, 4, 3]))
    y = A(target) + 0.05 * jnp.asarray(generator.normal(size=8))
    W = Dense(jnp.asarray(np.diff(np.eye(10), axis=0)))

    def family(theta: Array) -> LowerLevel:
        return LowerLevel(A, y, AnalysisL1(W, 0.05 + jnp.concatenate([theta, jnp.zeros(6)])))

    why = "constants are invisible to A and to W, and the loss sees them"
    return Challenge("l1, non-unique x*", why, family, 3, target, "reduced")


def total_variation() -> Challenge:
    """Two-dimensional total variation: dependent active rows; theta moves the entries of W."""
    rows = np.diff(np.eye(4), axis=0)
    matrix = np.concatenate([np.kron(np.eye(4), rows), np.kron(rows, np.eye(4))])
    truth = np.random.default_rng(0).normal(size=16) * 0.05
    truth = truth + np.kron([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    lower = LowerLevel(
        Identity(), jnp.asarray(truth), AnalysisL1(Dense(jnp.asarray(matrix)), jnp.asarray(0.1))
    )
    target = jnp.asarray(truth + 0.1 * np.random.default_rng(1).normal(size=16))
    why = "two-dimensional total variation, 4 x 4: dependent active rows"
    return Challenge("kink: total variation", why, along(lower, 3), 3, target, "certified")


def hinge() -> Challenge:
    """x1 and x2 merge at a weight of exactly 1/2; theta moves the weight."""

    def family(theta: Array) -> LowerLevel:
        W = Dense(jnp.asarray([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
        weight = jnp.asarray([0.5, 0.25]) + jnp.stack([theta[0], jnp.zeros(())])
        return LowerLevel(Identity(), jnp.asarray([1.0, 0.25, -2.0]), AnalysisL1(W, weight))

    why = "two values merge exactly at this weight: the derivatives from both sides differ"
    return Challenge("kink: merging values", why, family, 1, jnp.asarray([1.0, 0.0, -1.5]), "hinge")


def weighted(name: str, why: str, matrix: Float64[np.ndarray, "rows columns"], weight: float) -> Challenge:
    """Make a denoising problem whose weight is so large that W x* = 0: the derivative is zero."""
    generator = np.random.default_rng(5)
    y = jnp.asarray(generator.normal(size=matrix.shape[1]))

    def family(theta: Array) -> LowerLevel:
        return LowerLevel(Identity(), y, AnalysisL1(Dense(jnp.asarray(matrix)), weight + theta[0]))

    return Challenge(name, why, family, 1, y, "zero")
