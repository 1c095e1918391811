"""Adjoint equations that were not solved: in accounts, in records, and through `jax.grad` on request."""

import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.measure.programs import DifferentiatedSolve
from hypergrad_bench.bench.measure.untimed_run import status_of
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.hypergrad import (
    Backward,
    Checked,
    ClosedForm,
    Implicit,
    Unrolled,
    fitting_linear,
    hypergradient,
    is_trusted,
)
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    GradientStep,
    Identity,
    Lorentzian,
    LowerLevel,
    Photographs,
    UntiedExperts,
)
from hypergrad_bench.solvers import (
    ActiveSet,
    Budget,
    Cg,
    Gmres,
    GradientDescent,
    Minres,
    Nesterov,
    Neumann,
    Solution,
)
from hypergrad_bench.solvers import (
    Dense as DenseSolver,
)

IMAGES = jnp.asarray(Photographs().sample((8, 8), 2, 0))
EXPERTS = FieldsOfExperts.initial((8, 8), 0)
BUDGET = Budget(2000, 1e-8)


def lower(y=IMAGES[0], regularizer=EXPERTS) -> LowerLevel:
    return LowerLevel(Identity(), y, regularizer)


def outer(x):
    return jnp.sum(x * jnp.arange(x.size, dtype=x.dtype).reshape(x.shape))


def test_an_adjoint_that_was_cut_short_is_told():
    """One step of conjugate gradients: some per cent off, in a solve that converged."""
    right = hypergradient(Implicit(), Nesterov(), BUDGET, lower(), outer)
    short = hypergradient(Implicit(Cg(max_steps=1)), Nesterov(), BUDGET, lower(), outer)
    assert bool(right.backward.converged)
    assert is_trusted(right.solution, right.backward)
    assert int(short.solution.status) == 0
    assert not bool(short.backward.converged)
    assert not is_trusted(short.solution, short.backward)
    error = np.linalg.norm(short.gradient.regularizer.weights - right.gradient.regularizer.weights)
    assert error > 1e-3 * np.linalg.norm(right.gradient.regularizer.weights)


def test_a_truncated_series_claims_nothing():
    assert hypergradient(Implicit(Neumann(3)), Nesterov(), BUDGET, lower(), outer).backward.converged is None


@pytest.mark.parametrize("method", [Implicit(Cg(max_steps=1)), Implicit(Cg(max_steps=1000))], ids=repr)
def test_checked_makes_it_nan_under_jit_grad_and_vmap(method):
    def loss(experts, rule):
        x = jax.vmap(lambda y: rule(Nesterov(), BUDGET, lower(y, experts)).x)(IMAGES)
        return jnp.mean(jax.vmap(outer)(x))

    plain = jax.jit(jax.grad(lambda experts: loss(experts, method)))(EXPERTS)
    checked = jax.jit(jax.grad(lambda experts: loss(experts, Checked(method))))(EXPERTS)
    if method.linear.max_steps == 1:
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(plain))
        assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(checked))
    else:
        for one, other in zip(jax.tree.leaves(plain), jax.tree.leaves(checked), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_a_solve_that_ran_out_is_not_trusted_either():
    few = Budget(3, 1e-8)
    gradient = jax.grad(lambda y: outer(Checked()(Nesterov(), few, lower(y)).x))(IMAGES[0])
    assert np.isnan(gradient).all()


def test_checked_warns_on_request(caplog):
    rule = Checked(Implicit(Cg(max_steps=1)), on_failure="warn")
    with caplog.at_level(logging.WARNING, logger="hypergrad_bench"):
        gradient = jax.jit(jax.grad(lambda y: outer(rule(Nesterov(), BUDGET, lower(y)).x)))(IMAGES[0])
        jax.effects_barrier()
    assert np.isfinite(gradient).all()
    assert "not to be trusted" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="hypergrad_bench"):
        good = Checked(Implicit(), on_failure="warn")
        jax.jit(jax.grad(lambda y: outer(good(Nesterov(), BUDGET, lower(y)).x)))(IMAGES[0])
        jax.effects_barrier()
    assert not caplog.text


def test_checked_refuses_what_has_no_account():
    with pytest.raises(TypeError, match=r"adjoint method|Type-check"):
        Checked(Unrolled())
    with pytest.raises((ValueError, TypeError), match="on_failure"):
        Checked(Implicit(), on_failure="raise")


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (EXPERTS, Cg()),
        (FieldsOfExperts(EXPERTS.filters, EXPERTS.weights, Lorentzian()), Minres()),
        (GradientStep.initial((8, 8), 0), Minres()),
        (UntiedExperts.initial((8, 8), 0), Gmres()),
    ],
    ids=lambda one: type(one).__name__,
)
def test_the_linear_solver_fits_the_energy(regularizer, expected):
    problem = lower(regularizer=regularizer)
    assert fitting_linear(problem) == expected
    assert fitting_linear(problem, "fixed-point") == Gmres()
    assert Implicit().supports(Nesterov(), problem) is None


def test_an_indefinite_hessian_in_float32():
    """The gradient-step energy: the default agrees with a dense solve; conjugate gradients would fail."""
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf,
        lower(regularizer=GradientStep.initial((8, 8), 0)),
    )
    budget = Budget(2000, 1e-5)

    def run(method):
        return jax.jit(lambda one: hypergradient(method, GradientDescent(), budget, one, outer))(single)

    default, exact = run(Implicit()), run(Implicit(DenseSolver()))
    ours, truth = default.gradient.y, exact.gradient.y
    assert bool(default.backward.converged)
    assert float(jnp.linalg.norm(ours - truth)) < 1e-3 * float(jnp.linalg.norm(truth))


def test_two_equal_columns():
    """A lasso whose minimiser is not unique: a loss of A x has a gradient, one of x has none, and says so."""
    generator = np.random.default_rng(2)
    matrix = generator.normal(size=(6, 4))
    A = Dense(jnp.asarray(matrix[:, [0, 1, 2, 3, 3]]))
    y = jnp.asarray(generator.normal(size=6))

    def problem(weight):
        return LowerLevel(A, y, AnalysisL1(Dense(jnp.eye(5)), weight))

    weight, certain = jnp.asarray(0.1), Budget(60, 1e-12, 1)
    of_x = hypergradient(ClosedForm(), ActiveSet(), certain, problem(weight), lambda x: x[3] - 2 * x[4])
    assert bool(of_x.solution.certificate.certified)
    assert not bool(of_x.backward.converged)
    target = jnp.asarray(generator.normal(size=6))

    def seen(x):
        return jnp.sum(jnp.square(A(x) - target))

    of_image = hypergradient(ClosedForm(), ActiveSet(), certain, problem(weight), seen)
    assert bool(of_image.backward.converged)

    def value(weight):
        return float(seen(ClosedForm()(ActiveSet(), certain, problem(weight)).x))

    slope = (value(weight + 1e-4) - value(weight - 1e-4)) / 2e-4
    assert float(of_image.gradient.regularizer.weight) == pytest.approx(slope, rel=1e-6)


def test_a_record_has_a_status_for_it():
    """The solve converged, the adjoint did not; what else is wrong comes first."""
    solution = Solution(jnp.zeros((2, 3)), None, jnp.ones(2), jnp.zeros(2), jnp.zeros(2, jnp.int32))
    training = DifferentiatedSolve(jnp.zeros(()), jnp.ones(3), solution)
    account = Backward(residual=jnp.asarray([1e-12, 0.2]), converged=jnp.asarray([True, False]))
    status, reason = status_of(training, account)
    assert status is Status.ADJOINT_MISSED
    assert reason == "1 of 2 adjoint equations were not solved: relative residual 2.0e-01"
    assert status_of(training, account._replace(converged=None))[0] is Status.OK
    missed = training._replace(solution=solution._replace(status=jnp.asarray([1, 0])))
    assert status_of(missed, account)[0] is Status.MAX_STEPS
