"""jaxopt's derivatives beside ours, on the problems that it can express."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.contenders import JaxoptImplicit, JaxoptUnrolled
from hypergrad_bench.hypergrad import ClosedForm, Hypergradient, Implicit, hypergradient
from hypergrad_bench.problems import AnalysisL1, FieldsOfExperts, Identity, LowerLevel
from hypergrad_bench.solvers import (
    Budget,
    Dense,
    DualFista,
    GradientDescent,
    Lbfgs,
    Nesterov,
    PrimalDual,
)

N, SHAPE = 12, (5, 5)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _run(method: Any, solver: Any, budget: Budget, lower: LowerLevel) -> Hypergradient:
    return hypergradient(method, solver, budget, lower, lambda x: jnp.sum((x - 0.3) ** 2))


@pytest.fixture(scope="module")
def smooth() -> Hypergradient:
    """A smooth problem with our gradient; its lower level is the one below."""
    return _run(Implicit(Dense()), Nesterov(), Budget(20_000, 1e-13, 50), SMOOTH)


@pytest.fixture(scope="module")
def l1() -> Hypergradient:
    """An l1 problem with our gradient."""
    return _run(ClosedForm(), DualFista(), Budget(20_000, 1e-13, 50), L1)


def _normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape))


SMOOTH = LowerLevel(Identity(), _normal(*SHAPE), FieldsOfExperts.initial(SHAPE, 0))
L1 = LowerLevel(Identity(), _normal(N), AnalysisL1.initial((N,), 0))


def _assert_near(ours: Hypergradient, theirs: Hypergradient) -> None:
    np.testing.assert_allclose(theirs.solution.x, ours.solution.x, atol=1e-6)
    assert float(theirs.value) == pytest.approx(float(ours.value), rel=1e-6)
    for leaf, other in zip(jax.tree.leaves(ours.gradient), jax.tree.leaves(theirs.gradient), strict=True):
        assert np.linalg.norm(np.asarray(other) - np.asarray(leaf)) <= 1e-4 * np.linalg.norm(leaf)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov(), Lbfgs()], ids=repr)
def test_implicit_on_a_smooth_energy(smooth, solver):
    result = _run(JaxoptImplicit(), solver, Budget(5000, 1e-7), SMOOTH)
    # jaxopt's own measure of convergence is not ours, and can be met a little earlier.
    assert int(result.solution.steps) < 5000
    assert 0 < float(result.solution.residual) <= 1e-6
    _assert_near(smooth, result)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov()], ids=repr)
def test_unrolled_on_a_smooth_energy(smooth, solver):
    result = _run(JaxoptUnrolled(), solver, Budget(100), SMOOTH)
    assert int(result.solution.steps) == 100
    _assert_near(smooth, result)


def test_unrolled_on_the_dual(l1):
    result = _run(JaxoptUnrolled(), DualFista(), Budget(60), L1)
    assert int(result.solution.steps) == 60
    _assert_near(l1, result)


def test_implicit_on_the_dual(l1):
    _assert_near(l1, _run(JaxoptImplicit(), DualFista(), Budget(5000, 1e-9), L1))


def test_what_they_cannot_express_has_a_sentence():
    for method in (JaxoptImplicit(), JaxoptUnrolled()):
        assert method.supports(PrimalDual(), L1) == "jaxopt has no counterpart of PrimalDual"
        with pytest.raises(ValueError, match="does not apply: jaxopt has no counterpart of PrimalDual"):
            method(PrimalDual(), Budget(), L1)
        with pytest.raises(ValueError, match="AnalysisL1 is not smooth"):
            method(Nesterov(), Budget(), L1)
    assert JaxoptImplicit().supports(Lbfgs(), SMOOTH) is None
    with pytest.raises(ValueError, match="jaxopt's L-BFGS searches along its direction in a loop"):
        JaxoptUnrolled()(Lbfgs(), Budget(), SMOOTH)
