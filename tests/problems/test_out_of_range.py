"""Parameters that a step of training moved out of their range: said where known, a status inside `jit`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench import problems
from hypergrad_bench.bench.conformance.compiled import FAST_COMPILE
from hypergrad_bench.bench.measure.outcome_status import status_of
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.hypergrad import Checked, ClosedForm, Implicit, Unrolled
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    Identity,
    LowerLevel,
    PseudoHuber,
    UntiedExperts,
)
from hypergrad_bench.solvers import Budget, DualFista, Nesterov, Outcome, solve

GENERATOR = np.random.default_rng(0)
SIGNAL = jnp.asarray(np.cumsum(GENERATOR.normal(size=5)))
W = Dense(jnp.asarray(np.diff(np.eye(5), axis=0)))
IMAGE = jnp.asarray(GENERATOR.uniform(size=(4, 4)))
FILTERS = jnp.asarray(GENERATOR.normal(size=(2, 2, 2)))
WEIGHTS = jnp.asarray([0.3, 0.2])
BUDGET = Budget(20, 1e-4)


def _moved(tree, **by):
    """Return what an optimiser's step makes of a tree, whose constructor JAX does not call."""
    return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf + by.get(path[-1].name, 0.0), tree)


EXPERTS = FieldsOfExperts(FILTERS, WEIGHTS, PseudoHuber(jnp.asarray(0.1)))
UNTIED = UntiedExperts(FILTERS, FILTERS, WEIGHTS, jnp.zeros(2))
WRONG = {
    "a weight of l1": (SIGNAL, _moved(AnalysisL1(W, 0.1), weight=-0.2), "weight must not be negative"),
    "a weight of experts": (
        IMAGE,
        _moved(EXPERTS, weights=-0.25),
        r"weights must not be negative; its smallest entry is -0\.05",
    ),
    "a weight of untied experts": (IMAGE, _moved(UNTIED, weights=-0.25), "weights must not be negative"),
    "a scale": (IMAGE, _moved(EXPERTS, scale=-0.1), "scale must be positive"),
    "a filter": (IMAGE, _moved(EXPERTS, filters=jnp.nan), "filters must be finite"),
}


@pytest.mark.parametrize(("y", "regularizer", "message"), WRONG.values(), ids=WRONG)
def test_a_lower_level_says_what_its_regularizer_would(y, regularizer, message):
    with pytest.raises(ValueError, match=message):
        LowerLevel(Identity(), y, regularizer)
    with pytest.raises(ValueError, match=message):
        jax.jit(lambda y: LowerLevel(Identity(), y, regularizer).y)(y)


def test_inside_jit_it_is_a_status():
    """Each member of a batch has its own, and a checked gradient is NaN."""

    def run(weight):
        return solve(DualFista(), BUDGET, LowerLevel(Identity(), SIGNAL, AnalysisL1(W, weight))).status

    assert list(jax.jit(jax.vmap(run))(jnp.asarray([0.1, -0.1]))) == [
        Outcome.CONVERGED,
        Outcome.OUT_OF_RANGE,
    ]
    assert status_of(Outcome.OUT_OF_RANGE) is Status.OUT_OF_RANGE
    assert not Status.OUT_OF_RANGE.measured

    def loss(weight):
        lower = LowerLevel(Identity(), SIGNAL, AnalysisL1(W, weight))
        return jnp.sum(Checked(ClosedForm())(DualFista(), BUDGET, lower).x)

    assert np.isnan(jax.jit(jax.grad(loss))(-0.1))


def test_experts_and_rules_that_make_all_their_steps():
    """A weight, a scale; and the step size of a negative weight is a number."""

    @jax.jit
    def run(regularizer):
        lower = LowerLevel(Identity(), IMAGE, regularizer)
        found = solve(Nesterov(), BUDGET, lower), Unrolled()(Nesterov(), Budget(3, 0.0), lower)
        return [(one.status, one.x) for one in found], regularizer.lipschitz((4, 4))

    for moved, expected in (
        ({}, [Outcome.CONVERGED, Outcome.MAX_STEPS]),
        ({"weights": -0.25}, [Outcome.OUT_OF_RANGE] * 2),
        ({"scale": -0.2}, [Outcome.OUT_OF_RANGE] * 2),
    ):
        ends, lipschitz = run(_moved(EXPERTS, **moved))
        assert [int(status) for status, _ in ends] == expected
        assert np.isfinite(lipschitz)


def test_every_regularizer_with_a_range_tells_it():
    """Every class that refuses a negative parameter says so to `jit` too."""
    denoising = [
        cls.initial((4, 4), 0)
        for cls in (problems.GradientStep, problems.Red, problems.ScalarPotential, problems.ImplicitDenoiser)
    ]
    for regularizer in (AnalysisL1(W, 0.1), EXPERTS, UNTIED, *denoising):
        name = "weights" if hasattr(regularizer, "weights") else "weight"
        assert bool(regularizer.in_range())
        assert not bool(_changed(regularizer, name, -1.0).in_range())
    relaxed = problems.PlugAndPlay.initial((4, 4), 0)
    assert bool(relaxed.in_range())
    assert not bool(_changed(relaxed, "relaxation", 1.5).in_range())
    assert not bool(_changed(relaxed, "sigma", -0.1).in_range())


def _changed(tree, name, value):
    def put(path, leaf):
        return jnp.full_like(leaf, value) if getattr(path[-1], "name", None) == name else leaf

    return jax.tree_util.tree_map_with_path(put, tree)


def test_a_certified_accuracy_does_not_hide_it():
    def run(weights):
        lower = LowerLevel(Identity(), IMAGE, FieldsOfExperts(FILTERS, weights))
        method = Implicit(accuracy=0.1)
        return method.solve_to_accuracy(Nesterov(), Budget(20), lower, jnp.sum)[0].status

    assert int(jax.jit(run, compiler_options=FAST_COMPILE)(-WEIGHTS)) == Outcome.OUT_OF_RANGE
