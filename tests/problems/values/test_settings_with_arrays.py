"""Settings that are arrays: traced, batched and learned; and those that are no numbers at all."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench import hypergrad, solvers
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.conformance.compiled import FAST_COMPILE
from hypergrad_bench.hypergrad import (
    ClosedForm,
    FiniteDifference,
    ForwardMode,
    Implicit,
    OneStep,
    Unrolled,
)
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    Identity,
    LogCosh,
    Lorentzian,
    LowerLevel,
    PseudoHuber,
    UntiedExperts,
)
from hypergrad_bench.solvers import (
    ActiveSet,
    Admm,
    Budget,
    Cg,
    Nesterov,
    Picard,
    PrimalDual,
    SolverTraits,
    solve,
)

COMPILE = {"compiler_options": FAST_COMPILE}
GENERATOR = np.random.default_rng(0)
SIGNAL = jnp.asarray(np.cumsum(GENERATOR.normal(size=6)))
W = Dense(jnp.asarray(np.diff(np.eye(6), axis=0)))
L1 = LowerLevel(Identity(), SIGNAL, AnalysisL1(W, 0.3))
IMAGE = jnp.asarray(GENERATOR.uniform(size=(4, 4)))
FILTERS = jnp.asarray(GENERATOR.normal(size=(2, 2, 2)))
WEIGHTS = jnp.asarray([0.3, 0.2])


def _experts(scale, potential=PseudoHuber):
    return LowerLevel(Identity(), IMAGE, FieldsOfExperts(FILTERS, WEIGHTS, potential(scale)))


def test_a_traced_penalty_changes_the_way_and_not_the_program():
    """One program serves many penalties, in one batch; the numbers are those of a number."""
    budget = Budget(20, 0.0)

    def run(rho):
        return solve(Admm(rho=rho), budget, L1).x

    batch = jax.jit(jax.vmap(run), **COMPILE)(jnp.asarray([2.0, 15.0]))
    np.testing.assert_allclose(batch[0], jax.jit(lambda: run(2.0), **COMPILE)(), atol=1e-12)
    assert float(jnp.max(jnp.abs(batch[0] - batch[1]))) > 1e-8


LEARNED = {
    "Admm.rho": (lambda t: Admm(rho=t), L1, 3.0),
    "PrimalDual.dual_scale": (lambda t: PrimalDual(dual_scale=t), L1, 3.0),
    "Picard.step_scale": (lambda t: Picard(step_scale=t), _experts(0.1), 0.9),
}


@pytest.mark.parametrize(("make", "lower", "at"), LEARNED.values(), ids=LEARNED)
@pytest.mark.parametrize("method", [Unrolled(), Unrolled(last=2)], ids=repr)
def test_unrolling_learns_a_setting(make, lower, at, method):
    """By central differences; of truncated unrolling of the steps that are differentiated alone."""
    held = solvers.solve(make(at), Budget(2, 0.0), lower).state if method.last else make(at).init(lower)

    def value(setting):
        return jnp.sum(jnp.square(method(make(setting), Budget(4, 0.0), lower).x))

    @functools.partial(jax.jit, **COMPILE)
    def by_hand(setting):
        solver = make(setting)
        state = held if method.last else solver.init(lower)
        if isinstance(solver, Picard):
            state = solver.with_step_size(lower, state)
        if isinstance(solver, Admm):
            state = state._replace(inverse=solver.init(lower).inverse)
        for _ in range(2 if method.last else 4):
            state = solver.step(lower, state)
        return jnp.sum(jnp.square(solver.iterate(lower, state)))

    slope = float(jax.jit(jax.grad(value), **COMPILE)(at))
    expected = float(by_hand(at + 1e-5) - by_hand(at - 1e-5)) / 2e-5
    assert abs(slope) > 1e-6
    assert slope == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("method", [ClosedForm(), OneStep(), ForwardMode(), FiniteDifference()], ids=repr)
def test_other_rules_refuse_a_derivative_by_a_setting(method):
    def loss(rho):
        return jnp.sum(method(Admm(rho=rho), Budget(30, 0.0), L1).x)

    with pytest.raises(TypeError, match=r"leaves of the lower level; Admm\.rho is a setting\. Unrolled"):
        jax.grad(loss)(15.0)


def test_a_rule_takes_a_traced_setting():
    def slope(rho):
        def loss(weight):
            lower = L1.replace(regularizer=AnalysisL1(W, weight))
            return jnp.sum(jnp.square(ClosedForm()(Admm(rho=rho), Budget(20, 0.0), lower).x))

        return jax.grad(loss)(0.3)

    batch = jax.jit(jax.vmap(slope), **COMPILE)(jnp.asarray([2.0, 15.0]))
    assert float(batch[1]) == pytest.approx(float(jax.jit(lambda: slope(15.0), **COMPILE)()), rel=1e-9)


class Slow:
    """An iteration that halves its residual, one member of a batch at a time."""

    traits = SolverTraits(one_at_a_time=True)
    supports = staticmethod(lambda lower: None)
    init = staticmethod(lambda lower: lower.y)
    step = staticmethod(lambda lower, state: state / 2)
    iterate = staticmethod(lambda lower, state: state)
    residual = staticmethod(lambda lower, state: jnp.max(jnp.abs(state)) / jnp.max(jnp.abs(lower.y)))


def test_tolerances_in_a_batch():
    """Each member stops at its own, where the solver takes one after the other too."""
    tolerances = jnp.asarray([0.3, 1e-3])
    steps = jax.vmap(lambda tolerance: solve(Slow(), Budget(200, tolerance, 1), L1).steps)(tolerances)
    assert list(steps) == [2, 10]
    jax.eval_shape(jax.vmap(lambda t: solve(ActiveSet(), Budget(200, t), L1)), tolerances)

    def gradient(tolerance):
        method = Implicit(Cg(tolerance=tolerance))
        return jax.grad(lambda one: jnp.sum(method(Nesterov(), Budget(200, tolerance), one).x))(
            _experts(0.1)
        ).y

    batch = jax.jit(jax.vmap(gradient), **COMPILE)(tolerances)
    alone = jax.jit(gradient, **COMPILE)(tolerances[1])
    np.testing.assert_allclose(batch[1], alone, atol=1e-12)
    assert float(jnp.max(jnp.abs(batch[0] - batch[1]))) > 1e-6


@pytest.mark.parametrize("potential", [PseudoHuber, LogCosh, Lorentzian])
def test_the_scale_of_a_potential_is_learned(potential):
    """One a filter, by central differences of solves, through the optimality condition."""

    def loss(scale):
        lower = _experts(scale, potential)
        return jnp.sum(jnp.square(Implicit()(Nesterov(), Budget(3000, 1e-12), lower).x))

    scale, step = jnp.asarray([0.3, 0.7]), 1e-5
    value_and_gradient = jax.jit(jax.value_and_grad(loss), **COMPILE)
    ends = [[value_and_gradient(scale + sign * move)[0] for sign in (1, -1)] for move in step * np.eye(2)]
    expected = [float(up - down) / (2 * step) for up, down in ends]
    np.testing.assert_allclose(value_and_gradient(scale)[1], expected, rtol=1e-5)


def test_every_rule_learns_a_scale():
    """Each by its own way to one number; `Unrolled` and `ForwardMode` to that of the iterate."""
    lower = _experts(jnp.asarray(0.5))
    methods = (Implicit(on="fixed-point"), Unrolled(), ForwardMode(), FiniteDifference())

    def slopes(lower):
        def slope(method):
            budget = Budget(300, 0.0 if method.traits.uses_every_step else 1e-11)

            def loss(scale):
                experts = dataclasses.replace(lower.regularizer, potential=PseudoHuber(scale))
                return jnp.sum(method(Nesterov(), budget, lower.replace(regularizer=experts)).x)

            return jax.grad(loss)(lower.regularizer.potential.scale)

        return [slope(method) for method in (Implicit(), *methods)]

    exact, *found = map(float, jax.jit(slopes, **COMPILE)(lower))
    assert abs(exact) > 1e-3
    assert found == [pytest.approx(exact, rel=1e-4)] * len(methods)


def test_a_scale_that_is_an_array_is_a_leaf_and_a_number_is_structure():
    learned, fixed = _experts(jnp.asarray(0.1)), _experts(0.1)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(learned)]
    assert paths[-1] == ".regularizer.potential.scale"
    assert len(jax.tree.leaves(fixed)) == len(paths) - 1
    assert jax.tree.structure(fixed) == jax.tree.structure(_experts(0.1))
    assert jax.tree.structure(fixed) != jax.tree.structure(_experts(0.2))
    assert jax.tree.map(lambda _: None, learned).regularizer.potential.scale is None
    x = IMAGE
    np.testing.assert_allclose(learned.value(x), fixed.value(x), rtol=1e-14)
    start = UntiedExperts(FILTERS, FILTERS, WEIGHTS, jnp.zeros(2), LogCosh(jnp.asarray([0.1, 0.2])))
    parts = [(FILTERS[k : k + 1], WEIGHTS[k : k + 1], LogCosh(scale)) for k, scale in ((0, 0.1), (1, 0.2))]
    one_by_one = [UntiedExperts(f, f, w, jnp.zeros(1), potential) for f, w, potential in parts]
    np.testing.assert_allclose(start.operator(x), sum(one.operator(x) for one in one_by_one), atol=1e-13)
    assert "scale that is learned" in hypergrad.no_error_bound(learned)


def test_a_user_s_potential_that_is_no_pytree_is_structure():
    class Square:
        convex, curvature = True, 1.0

        def value(self, t):
            return jnp.square(t) / 2

        def derivative(self, t):
            return t

    lower = LowerLevel(Identity(), IMAGE, FieldsOfExperts(FILTERS, WEIGHTS, Square()))
    assert len(jax.tree.leaves(lower)) == 3
    assert jax.tree.map(jnp.zeros_like, lower).regularizer.potential.curvature == 1.0


def test_settings_pass_as_arguments():
    """Their arrays are traced, and all else is structure."""
    traces = []

    @jax.jit
    def run(solver, budget, lower):
        traces.append(solver)
        return solve(solver, budget, lower).x

    found = [run(Admm(rho=jnp.asarray(rho)), Budget(5, 0.0), L1) for rho in (2.0, 15.0)]
    assert len(traces) == 1
    assert float(jnp.max(jnp.abs(found[0] - found[1]))) > 1e-6
    assert jax.tree.leaves((Admm(), Budget(), Implicit(Cg()))) == []


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Budget(999.5), ValueError, r"max_steps must be a whole number; got 999\.5"),
        (lambda: Budget(True), ValueError, "max_steps must be a whole number; got True"),
        (
            lambda: Budget(10, "1e-3"),
            TypeError,
            r"tolerance must be a number or a floating-point array of shape \(\); got '1e-3'",
        ),
        (lambda: Budget(10, jnp.ones(2)), ValueError, r"array of shape \(\); got Array"),
        (lambda: Budget(10, jnp.asarray(-1.0)), ValueError, "tolerance must be at least 0 and below 1"),
        (lambda: Unrolled(last=2.5), ValueError, r"last must be a whole number or None; got 2\.5"),
        (lambda: PseudoHuber(jnp.asarray(0.0)), ValueError, "scale must be positive"),
        (
            lambda: FieldsOfExperts(FILTERS, WEIGHTS, PseudoHuber(jnp.ones(3))),
            ValueError,
            r"potential's scale must be one number or one per filter, shape \(\) or \(2,\); got shape \(3,\)",
        ),
        (
            lambda: solve(Admm(rho=jnp.float32(2.0)), Budget(), L1),
            TypeError,
            "arrays of a solve must be float32 or all float64; got float64: lower.y, .*; float32: solver.rho",
        ),
    ],
)
def test_a_setting_that_does_not_fit_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.usefixtures("as_users_run")
def test_no_setting_that_is_declared_a_number_takes_what_is_none():
    """Of every configuration that is registered, field by field."""
    catalogue = built_in()
    kinds = ("tasks", "data", "solvers", "linear_solvers", "methods")
    entries = [one for kind in kinds for one in getattr(catalogue, kind).values()]
    asked = 0
    for entry in (*entries, Budget(), PseudoHuber()):
        for name, value in vars(entry).items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            for wrong in ["three", value + 0.5] if isinstance(value, int) else ["three"]:
                with pytest.raises((TypeError, ValueError), match=name):
                    type(entry)(**{name: wrong})
                asked += 1
    assert asked > 60
