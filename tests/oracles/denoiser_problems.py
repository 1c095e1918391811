"""Small lower levels with the shipped networks."""

import jax
import jax.numpy as jnp
import numpy as np

from hypergrad_bench import problems
from hypergrad_bench.problems import LowerLevel, Photographs

EXPLICIT = (problems.GradientStep, problems.Red, problems.ScalarPotential)


def photograph(shape: tuple[int, int], seed: int = 0):
    return Photographs(scale=4).sample(shape, 1, seed, "test")[0]


def lower_level(cls: type, task, shape: tuple[int, int]) -> LowerLevel:
    """A measurement of a photograph with one of the regularisers, as it starts."""
    A, y = problems.measure(task, photograph(shape)[None], 0)
    return LowerLevel(A, jnp.asarray(y[0]), cls.initial(shape, 0))


def drawn(network, seed: int = 0):
    """Draw random parameters of a network without compiling its initialisation; kernels keep the scale."""
    generator = np.random.default_rng(seed)

    def draw(leaf):
        fan_in = np.prod(leaf.shape[:-1])
        return jnp.asarray(generator.normal(size=leaf.shape) / np.sqrt(fan_in))

    return jax.tree.map(draw, jax.eval_shape(lambda: network.init(0)))
