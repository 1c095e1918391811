"""What energies say of their convexity, against the inequality that defines it."""

import dataclasses
import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import variants

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.problems import (
    ConvexEnergy,
    Denoiser,
    EnergyRegularizer,
    FieldsOfExperts,
    GradientStep,
    Lorentzian,
    PlugAndPlay,
    Red,
    ScalarPotential,
    SmoothRegularizer,
    UntiedExperts,
    WeaklyConvexRidge,
    is_convex,
    pytree,
)

pytestmark = pytest.mark.optimised

SHAPE = (6, 7)
ENERGIES = {
    label: sample
    for label, sample in variants.regularizers().items()
    if isinstance(sample[0], EnergyRegularizer)
}
EXPERTS = FieldsOfExperts.initial(SHAPE, 0)
ENERGIES |= {
    f"FieldsOfExperts, {potential!r}": (dataclasses.replace(EXPERTS, potential=potential), SHAPE)
    for potential in built_in().potentials.values()
}
# The network trained for this energy curves upwards wherever it was looked at; another one does not.
ENERGIES["ScalarPotential, colour"] = (
    ScalarPotential(Denoiser.shipped((3, 5, 3)), jnp.asarray(0.5, jnp.float64)),
    (3, 5, 3),
)


def _pairs(regularizer: EnergyRegularizer, shape: tuple[int, ...]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Middles and half-differences at random, near and far; also where a smooth energy curves least."""
    generator = np.random.default_rng(3)
    for size, step in itertools.product((0.1, 1.0, 3.0), (0.01, 0.3, 3.0)):
        for _ in range(8):
            yield size * generator.normal(size=shape), step * generator.normal(size=shape)
    if not isinstance(regularizer, SmoothRegularizer):
        return
    hessian = jax.jit(jax.jacfwd(regularizer.gradient))
    for size in (0.3, 1.0, 3.0):
        middle = size * generator.uniform(size=shape)
        matrix = np.reshape(hessian(jnp.asarray(middle)), (middle.size, middle.size))
        yield middle, 0.01 * np.linalg.eigh((matrix + matrix.T) / 2)[1][:, 0].reshape(shape)


def _largest_violation(regularizer: EnergyRegularizer, shape: tuple[int, ...]) -> float:
    """max of R((x + z) / 2) - (R(x) + R(z)) / 2 over pairs, over the size of R."""
    value = jax.jit(regularizer.value)
    found = []
    for middle, apart in _pairs(regularizer, shape):
        ends = [float(value(jnp.asarray(middle + sign * apart))) for sign in (1, -1)]
        gap = float(value(jnp.asarray(middle))) - sum(ends) / 2
        found.append(gap / sum(map(abs, ends)))
    return max(found)


@pytest.mark.parametrize("label", ENERGIES)
def test_an_energy_is_convex_if_and_only_if_it_says_so(label):
    regularizer, shape = ENERGIES[label]
    assert isinstance(regularizer, ConvexEnergy)
    violation = _largest_violation(regularizer, shape)
    if regularizer.convex:
        assert violation <= 1e-13
    else:
        assert violation > 1e-8
    assert is_convex(regularizer) == regularizer.convex


def test_who_is_not_convex():
    names = {type(one).__name__ for one, _ in ENERGIES.values() if not is_convex(one)}
    assert names == {
        cls.__name__ for cls in (FieldsOfExperts, WeaklyConvexRidge, GradientStep, Red, ScalarPotential)
    }
    assert is_convex(EXPERTS)
    assert not is_convex(dataclasses.replace(EXPERTS, potential=Lorentzian()))


@pytree
class Silent:
    """An energy that says nothing of its convexity."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at one."""
        del shape, seed
        return cls(jnp.ones(()))

    def value(self, x):
        """Evaluate."""
        return self.weight * jnp.sum(jnp.square(x))


def test_silence_and_the_lack_of_an_energy_are_no_convexity():
    for regularizer in (
        Silent.initial((), 0),
        UntiedExperts.initial(SHAPE, 0),
        PlugAndPlay.initial(SHAPE, 0),
    ):
        assert not isinstance(regularizer, ConvexEnergy)
        assert not is_convex(regularizer)
