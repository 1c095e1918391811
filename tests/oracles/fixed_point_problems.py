"""Lower levels for solvers of fixed points, and regularisers that are known by a proximal map alone."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from hypergrad_bench.problems import (
    Deconvolution,
    Denoising,
    Inpainting,
    LowerLevel,
    Photographs,
    measure,
    pytree,
)
from hypergrad_bench.solvers import (
    Anderson,
    Broyden,
    Budget,
    ForwardBackward,
    NonmonotoneAcceleratedGradient,
    Picard,
    Solution,
    solve,
)

SHAPE = (12, 12)
TASKS = [Denoising(), Inpainting(), Deconvolution()]
TIGHT = Budget(20_000, 1e-12, 10)
MAPS = [Picard(), Anderson(), Broyden()]
ENERGIES = [ForwardBackward(), NonmonotoneAcceleratedGradient()]


@partial(jax.jit, static_argnums=(0, 1))
def solved(solver: object, budget: Budget, lower: LowerLevel) -> Solution:
    """Solve, compiled."""
    return solve(solver, budget, lower)


def lower_level(task, regularizer, shape=SHAPE, seed: int = 0) -> LowerLevel:
    """A measurement of a photograph."""
    A, y = measure(task, Photographs().sample(shape, 1, seed), seed)
    return LowerLevel(A, y[0], regularizer)


def times(regularizer, factor: float):
    """The same with larger weights."""
    return dataclasses.replace(regularizer, weights=factor * regularizer.weights)


@pytree
class Ridge:
    """Half a squared norm that is known by its prox, and by its value if it is said to have one."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a half."""
        del shape, seed
        return cls(jnp.asarray(0.5))

    def value(self, x):
        """Evaluate."""
        return 0.5 * self.weight * jnp.sum(jnp.square(x))

    def prox(self, x, step):
        """Shrink."""
        return x / (1 + step * self.weight)


@pytree
class Soft:
    """An l1 norm, by its prox and value."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a tenth."""
        del shape, seed
        return cls(jnp.asarray(0.1))

    def value(self, x):
        """Evaluate."""
        return self.weight * jnp.sum(jnp.abs(x))

    def prox(self, x, step):
        """Shrink towards zero."""
        return jnp.sign(x) * jnp.maximum(jnp.abs(x) - step * self.weight, 0)


@pytree
class Denoiser:
    """A linear map in place of a prox, which is none: it has no energy and does not see the step."""

    matrix: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start with a contraction that is not symmetric."""
        draw = np.random.default_rng(seed).normal(size=(shape[0], shape[0]))
        return cls(jnp.asarray(0.6 * draw / np.linalg.norm(draw, 2)))

    def prox(self, x, step):
        """Multiply."""
        del step
        return self.matrix @ x
