"""NumPy arrays, and trees fetched from a device, wherever arrays are taken."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    DecimatedBlur,
    Dense,
    FieldsOfExperts,
    FilterBank,
    ForwardDifferences,
    Identity,
    LowerLevel,
    Mask,
    MaskedFourier,
    UntiedExperts,
    WaveletL1,
    WaveletL12,
    WaveletTransform,
)
from hypergrad_bench.solvers import Admm, Budget, PrimalDualPair, certify, solve

pytestmark = pytest.mark.usefixtures("as_users_run")


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


OPERATORS = {
    "Dense": (lambda: Dense(_normal(0, 3, 5)), (5,)),
    "FilterBank": (lambda: FilterBank(_normal(0, 2, 3, 3), "replicate"), (4, 5)),
    "ForwardDifferences": (ForwardDifferences, (4, 5)),
    "Blur": (lambda: Blur(_normal(0, 3, 2)), (4, 5)),
    "DecimatedBlur": (lambda: DecimatedBlur(_normal(0, 3, 2)), (4, 6)),
    "Mask": (lambda: Mask(_normal(0, 4, 5)), (4, 5)),
    "MaskedFourier": (lambda: MaskedFourier(_normal(0, 4, 5)), (4, 5)),
    "WaveletTransform": (lambda: WaveletTransform(1), (4, 4)),
    "Identity": (Identity, (4, 4)),
}


@pytest.mark.parametrize(("build", "shape"), OPERATORS.values(), ids=OPERATORS)
def test_operators(build, shape):
    """Leaves become JAX arrays; signals and responses can be of either kind."""
    operator, x = build(), _normal(1, *shape)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(operator))
    response = operator(jnp.asarray(x))
    np.testing.assert_array_equal(operator(x), response)
    np.testing.assert_array_equal(operator.adjoint(np.asarray(response)), operator.adjoint(response))
    np.testing.assert_array_equal(jax.device_get(operator)(x), response)


REGULARIZERS = {
    "AnalysisL1": lambda: AnalysisL1(FilterBank(_normal(0, 2, 3, 3)), np.asarray([0.1, 0.2])),
    "AnalysisL1, a map": lambda: AnalysisL1(ForwardDifferences(), np.full((2, 4, 4), 0.1)),
    "FieldsOfExperts": lambda: FieldsOfExperts(_normal(0, 2, 3, 3), np.asarray([0.1, 0.2])),
    "UntiedExperts": lambda: UntiedExperts(
        _normal(0, 2, 3, 3), _normal(1, 2, 3, 3), np.asarray([0.1, 0.2]), np.zeros(2)
    ),
    "WaveletL1": lambda: WaveletL1(_normal(0, 2, 3, 1), _normal(1, 1)),
    "WaveletL12": lambda: WaveletL12(_normal(0, 2), np.asarray(-2.0), "bands"),
}


@pytest.mark.parametrize("build", REGULARIZERS.values(), ids=REGULARIZERS)
def test_regularizers(build):
    regularizer, x = build(), _normal(1, 4, 4)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(regularizer))
    for name in ("value", "gradient", "operator"):
        if hasattr(regularizer, name):
            np.testing.assert_array_equal(
                getattr(regularizer, name)(x), getattr(regularizer, name)(jnp.asarray(x))
            )
    if hasattr(regularizer, "prox"):
        step = jnp.asarray(0.5)
        np.testing.assert_array_equal(regularizer.prox(x, step), regularizer.prox(jnp.asarray(x), step))


def test_a_lower_level_and_one_that_was_fetched():
    y, mask, x = _normal(2, 4, 4), _normal(3, 4, 4), _normal(4, 4, 4)
    ours = LowerLevel(Mask(mask), y, REGULARIZERS["FieldsOfExperts"]())
    assert isinstance(ours.y, jax.Array)
    for lower in (ours, jax.device_get(ours)):
        assert lower.shape == (4, 4)
        assert float(lower.value(x)) == float(ours.value(jnp.asarray(x)))
        np.testing.assert_array_equal(lower.gradient(x), ours.gradient(jnp.asarray(x)))


def test_starts_and_certificates():
    lower = jax.device_get(LowerLevel(Identity(), _normal(2, 4, 4), REGULARIZERS["AnalysisL1"]()))
    found = solve(Admm(), Budget(20, 0.0), lower)
    start = PrimalDualPair(np.asarray(found.x), np.asarray(found.state.u))
    again = solve(Admm(), Budget(20, 0.0), lower, start)
    assert float(again.residual) < float(found.residual)
    ours, wanted = certify(lower, *start), certify(lower, found.x, found.state.u)
    assert float(ours.violation) == float(wanted.violation)


def test_a_numpy_number_is_a_number():
    """It takes the precision of the operator, as Python's does; an array keeps its own."""
    W = Dense(np.ones((2, 3), np.float32))
    assert AnalysisL1(W, np.float64(0.1)).weight.dtype == jnp.float32
    assert AnalysisL1(W, np.asarray(0.1)).weight.dtype == jnp.float64


def test_changing_the_array_afterwards_changes_nothing():
    kernel = np.ones((2, 2))
    blur = Blur(kernel)
    kernel[:] = 0
    np.testing.assert_array_equal(blur.kernel, np.ones((2, 2)))
