"""A regulariser times a factor is just that, for every registered one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.catalogue.built_in_names import built_in_names
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.problems.regularizer import EnergyRegularizer, ScalableRegularizer

WITHOUT_A_WEIGHT = {"plug-and-play"}
"""Its strength is the noise level of its denoiser."""
SHAPES = ((8, 8), (8,))


def _start(name):
    for shape in SHAPES:
        try:
            return built_in().regularizers[name].initial(shape, 0), shape
        except ValueError:
            continue
    raise AssertionError(f"{name} starts on none of {SHAPES}")


@pytest.mark.parametrize("name", built_in_names("regularizers"))
def test_a_regularizer_times_a_factor(name):
    regularizer, shape = _start(name)
    assert isinstance(regularizer, ScalableRegularizer) == (name not in WITHOUT_A_WEIGHT)
    if not isinstance(regularizer, ScalableRegularizer):
        return
    x = jnp.asarray(np.random.default_rng(0).random(shape))
    more = regularizer.times(jnp.asarray(2.5))
    assert jax.tree.structure(more) == jax.tree.structure(regularizer)
    image = jax.jit(_energy if isinstance(regularizer, EnergyRegularizer) else _operator)
    np.testing.assert_allclose(image(more, x), 2.5 * image(regularizer, x), rtol=1e-12, atol=1e-14)


def _energy(regularizer, x):
    return regularizer.value(x)


def _operator(regularizer, x):
    return regularizer.operator(x)
