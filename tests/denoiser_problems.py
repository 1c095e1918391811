"""Small lower levels with the shipped networks."""

import jax.numpy as jnp

from hypergrad_bench import problems
from hypergrad_bench.problems import LowerLevel, Photographs

EXPLICIT = (problems.GradientStep, problems.Red, problems.ScalarPotential)


def photograph(shape: tuple[int, int], seed: int = 0):
    return Photographs(scale=4).sample(shape, 1, seed, "test")[0]


def lower_level(cls: type, task, shape: tuple[int, int]) -> LowerLevel:
    """A measurement of a photograph with one of the regularisers, as it starts."""
    A, y = problems.measure(task, photograph(shape)[None], 0)
    return LowerLevel(A, jnp.asarray(y[0]), cls.initial(shape, 0))
