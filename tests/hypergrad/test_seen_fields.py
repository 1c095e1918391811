"""A loss of something else than x: the dual variable's derivative, and a sentence for every other field."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import (
    Checked,
    ClosedForm,
    FiniteDifference,
    Implicit,
    OneStep,
    Piggyback,
    Spsa,
    SupportReduced,
    Unrolled,
)
from hypergrad_bench.problems import AnalysisL1, Dense, FieldsOfExperts, Identity, LowerLevel
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, DualFista, Gmres, Nesterov, PrimalDual

CERTAIN = Budget(40, 1e-13, 1)
GENERATOR = np.random.default_rng(3)
W = jnp.asarray(np.diff(np.eye(8), axis=0) + 0.1 * GENERATOR.normal(size=(7, 8)))
MATRIX = jnp.asarray(GENERATOR.normal(size=(10, 8)))
Y = jnp.asarray(np.cumsum(GENERATOR.normal(size=8)))
HEIGHTS = jnp.asarray(GENERATOR.normal(size=7))


def lower(weight, identity: bool = True) -> LowerLevel:
    A, y = (Identity(), Y) if identity else (Dense(MATRIX), MATRIX @ Y)
    return LowerLevel(A, y, AnalysisL1(Dense(W), weight))


def of_dual(solution):
    return jnp.sum(HEIGHTS * solution.state.u**2) + jnp.sum(solution.x**3)


@pytest.mark.parametrize("identity", [True, False], ids=["A = I", "A a matrix"])
@pytest.mark.parametrize(
    "method",
    [ClosedForm(), ClosedForm(factored_up_to=0), Checked(ClosedForm()), Piggyback()],
    ids=repr,
)
def test_a_loss_of_the_dual_variable(method, identity):
    """Against central differences of certified solutions, whose error falls like the step's square."""
    weight = jnp.asarray(GENERATOR.uniform(0.1, 0.4, 7))

    def loss(weight):
        return of_dual(method(ActiveSet(), CERTAIN, lower(weight, identity)))

    gradient, value = jax.jit(jax.grad(loss))(weight), jax.jit(loss)
    direction = jnp.asarray(GENERATOR.normal(size=7))
    slope = float(gradient @ direction)
    errors = [
        abs(float(value(weight + h * direction) - value(weight - h * direction)) / (2 * h) - slope)
        for h in (1e-3, 1e-4)
    ]
    assert abs(slope) > 1e-2
    assert errors[1] < 1e-6 * abs(slope)
    assert errors[1] < 0.1 * errors[0] + 1e-9


def test_the_dual_variable_alone_by_every_leaf():
    """By y: u = (W W^T)^{-1} W (y - x) where all rows are active; here checked by differences."""
    weight = jnp.asarray(0.2)

    def loss(y):
        problem = lower(weight, identity=False).replace(y=y)
        return jnp.sum(HEIGHTS * ClosedForm()(ActiveSet(), CERTAIN, problem).state.u)

    y = MATRIX @ Y
    gradient = jax.grad(loss)(y)
    differences = [(loss(y.at[i].add(1e-5)) - loss(y.at[i].add(-1e-5))) / 2e-5 for i in range(3)]
    np.testing.assert_allclose(gradient[:3], differences, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("solver", [Admm(), PrimalDual(), DualFista()], ids=repr)
def test_unrolling_differentiates_the_dual_variable_too(solver):
    weight, budget = jnp.asarray(0.2), Budget(3000, 0.0)
    through = jax.grad(lambda w: of_dual(Unrolled()(solver, budget, lower(w))))(weight)
    exact = jax.grad(lambda w: of_dual(ClosedForm()(ActiveSet(), CERTAIN, lower(w))))(weight)
    assert float(through) == pytest.approx(float(exact), rel=1e-6)


SEEN = {
    ".residual": lambda solution: solution.residual,
    ".certificate.dual_margin": lambda solution: solution.certificate.dual_margin,
    ".state.z": lambda solution: jnp.sum(solution.state.z),
}


@pytest.mark.parametrize("field", SEEN)
@pytest.mark.parametrize(
    "method",
    [ClosedForm(), Implicit(Gmres(), on="fixed-point"), OneStep(), FiniteDifference(), Spsa()],
    ids=repr,
)
def test_another_field_is_refused_by_name(method, field):
    def loss(weight):
        solution = method(Admm(), Budget(50, 1e-6), lower(weight))
        return SEEN[field](solution) + jnp.sum(solution.x)

    with pytest.raises(ValueError, match=rf"sees solution\{field}"):
        jax.jit(jax.grad(loss))(jnp.asarray(0.2))


@pytest.mark.parametrize("method", [SupportReduced(), OneStep(), FiniteDifference()], ids=repr)
def test_the_dual_variable_is_refused_where_a_rule_has_none(method):
    with pytest.raises(ValueError, match="the dual variable"):
        jax.grad(lambda w: of_dual(method(DualFista(), Budget(50, 1e-6), lower(w))))(jnp.asarray(0.2))


def test_a_field_that_is_looked_at_and_not_differentiated_is_no_use_of_it():
    """As an auxiliary output, through jit, vmap, map, cond, checkpoint, and as zeros for a pull-back."""
    budget, solve = Budget(30, 1e-6), ClosedForm()

    def of(weight):
        return solve(Admm(), budget, lower(weight))

    weight = jnp.asarray(0.2)
    expected = jax.grad(lambda w: jnp.sum(of(w).x))(weight)
    both = jax.vmap(of)
    ways = [
        jax.grad(lambda w: (jnp.sum(of(w).x), of(w)), has_aux=True)(weight)[0],
        jax.grad(lambda w: jnp.sum(jax.jit(of)(w).x))(weight),
        jax.grad(lambda w: jnp.sum(both(jnp.stack([w, w])).x) / 2)(weight),
        jax.grad(lambda w: jnp.sum(jax.lax.map(of, jnp.stack([w, w])).x) / 2)(weight),
        jax.grad(lambda w: jnp.sum(jax.lax.cond(w > 0, of, of, w).x))(weight),
        jax.grad(lambda w: jnp.sum(jax.checkpoint(of)(w).x))(weight),
        jax.grad(lambda w: jnp.sum(of(w).x) + jax.lax.stop_gradient(of(w).residual))(weight),
    ]
    for found in ways:
        assert float(found) == pytest.approx(float(expected), rel=1e-10)
    solution, pull = jax.vjp(of, weight)
    zeros = jax.tree.map(
        lambda leaf: (
            jnp.zeros_like(leaf)
            if jnp.issubdtype(leaf.dtype, jnp.floating)
            else np.zeros(leaf.shape, jax.dtypes.float0)
        ),
        solution,
    )
    assert float(pull(zeros._replace(x=jnp.ones(8)))[0]) == pytest.approx(float(expected), rel=1e-10)


def test_the_iterate_in_the_state_is_x():
    experts = FieldsOfExperts.initial((6, 6), 0)
    y = jnp.asarray(GENERATOR.uniform(size=(6, 6)))

    def solution(weights):
        problem = LowerLevel(Identity(), y, FieldsOfExperts(experts.filters, weights))
        return Implicit()(Nesterov(), Budget(500, 1e-9), problem)

    by_state = jax.grad(lambda w: jnp.sum(solution(w).state.x ** 2))(experts.weights)
    by_x = jax.grad(lambda w: jnp.sum(solution(w).x ** 2))(experts.weights)
    np.testing.assert_array_equal(by_state, by_x)
