"""Derivatives of a rule's own gradient: Hessians and their products, against differences of the gradient."""

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
    Phantom,
    Shine,
    SupportReduced,
    Unrolled,
    hypergradient,
)
from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    FieldsOfExperts,
    Identity,
    Lorentzian,
    LowerLevel,
    UntiedExperts,
)
from hypergrad_bench.solvers import (
    ActiveSet,
    Admm,
    Budget,
    DualFista,
    Gmres,
    GradientDescent,
    Lbfgs,
    Minres,
    Nesterov,
    Picard,
    PrimalDual,
    PrimalDualPair,
    solve,
)

GENERATOR = np.random.default_rng(0)
TIGHT = Budget(20_000, 1e-12, 10)
IMAGE = jnp.asarray(GENERATOR.uniform(size=(5, 5)))
EXPERTS = FieldsOfExperts.initial((5, 5), 0)
W = jnp.asarray(np.diff(np.eye(10), axis=0) + 0.1 * GENERATOR.normal(size=(9, 10)))
MATRIX = jnp.asarray(GENERATOR.normal(size=(8, 10)))
SIGNAL = jnp.asarray(np.cumsum(GENERATOR.normal(size=10)))
WEIGHTS = jnp.asarray(GENERATOR.uniform(0.05, 0.4, 9))


def smooth(method, solver, potential=EXPERTS.potential):
    """Return a loss of the experts' weights, at their start."""

    def loss(weights):
        experts = FieldsOfExperts(EXPERTS.filters[:3], weights, potential)
        lower = LowerLevel(Blur(jnp.asarray([[0.1, 0.2], [0.3, 0.4]])), IMAGE, experts)
        return jnp.mean(method(solver, TIGHT, lower).x ** 4)

    return loss, EXPERTS.weights[:3]


def untied():
    """Return a loss through an operator without an energy."""
    start = UntiedExperts.initial((5, 5), 0)

    def loss(weights):
        regularizer = UntiedExperts(start.filters[:3], start.synthesis[:3], weights, start.biases[:3])
        return jnp.mean(Implicit()(Picard(), TIGHT, LowerLevel(Identity(), IMAGE, regularizer)).x ** 4)

    return loss, start.weights[:3]


def l1_lower(identity):
    """Return the lower level of one weight per row, as a function of them."""

    def lower(weights):
        A, y = (Identity(), SIGNAL) if identity else (Dense(MATRIX), MATRIX @ SIGNAL)
        return LowerLevel(A, y, AnalysisL1(Dense(W), weights))

    return lower


def l1(method, solver, identity, warm=False):
    """Return a loss of one weight per row, of A = identity or a matrix; warm starts from the solution."""

    lower, start = l1_lower(identity), None
    if warm:
        found = solve(solver, TIGHT, lower(WEIGHTS))
        start = PrimalDualPair(found.x, found.state.u)
    return lambda weights: jnp.mean((method(solver, TIGHT, lower(weights), start).x - 1) ** 4), WEIGHTS


CASES = {
    "optimality": lambda: smooth(Implicit(), Nesterov()),
    "optimality, L-BFGS": lambda: smooth(Implicit(), Lbfgs()),
    "optimality, not convex": lambda: smooth(Implicit(), Nesterov(), Lorentzian(scale=1.0)),
    "optimality, MINRES": lambda: smooth(Implicit(Minres()), Nesterov()),
    "fixed point": lambda: smooth(Implicit(on="fixed-point"), GradientDescent()),
    "no energy": untied,
    "l1, certified": lambda: l1(ClosedForm(), ActiveSet(), identity=False),
    "l1, denoising": lambda: l1(ClosedForm(), DualFista(), identity=True),
    "l1, warm": lambda: l1(ClosedForm(), DualFista(), identity=True, warm=True),
    "l1, certified, warm": lambda: l1(ClosedForm(), ActiveSet(), identity=False, warm=True),
    "l1, iterative": lambda: l1(ClosedForm(factored_up_to=0), Admm(), identity=True),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_hessian_of_a_loss(case):
    """Forward over reverse and reverse over reverse, against central differences of the gradient."""
    loss, at = case()
    gradient = jax.jit(jax.grad(loss))
    directions = np.random.default_rng(1).normal(size=(2, at.size)) * np.asarray(at)
    hessian = np.asarray(jax.jit(jax.hessian(loss))(at))
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-7 * np.abs(hessian).max())
    size = 0.0
    for direction in directions:
        errors = []
        for h in (1e-3, 1e-4):
            ahead, behind = gradient(at + h * direction), gradient(at - h * direction)
            errors.append(float(np.linalg.norm((ahead - behind) / (2 * h) - hessian @ direction)))
        size = np.linalg.norm(hessian @ direction)
        assert size > 0
        assert errors[1] < 1e-5 * size
        product = jax.jvp(gradient, (at,), (jnp.asarray(direction),))[1]
        np.testing.assert_allclose(product, hessian @ direction, rtol=1e-6, atol=1e-9 * size)
    backward = jax.jit(jax.grad(lambda w: jnp.vdot(gradient(w), directions[0])))(at)
    np.testing.assert_allclose(backward, hessian @ directions[0], rtol=1e-5, atol=1e-8 * size)


def test_a_warm_start_changes_nothing():
    """Tangents through the iterations would be none at all, from the solution itself."""
    cold, at = l1(ClosedForm(), DualFista(), identity=True)
    warm, _ = l1(ClosedForm(), DualFista(), identity=True, warm=True)
    np.testing.assert_allclose(jax.hessian(warm)(at), jax.hessian(cold)(at), atol=1e-8)


def test_the_unit_of_the_dual_variable_does_not_matter():
    """A times a: a Krylov method on the whole state must not see that its dual part has another unit."""

    @jax.jit
    def product(a):
        A, y = Dense(a * MATRIX), a * MATRIX @ SIGNAL

        def loss(logarithms):
            lower = LowerLevel(A, y, AnalysisL1(Dense(W), a**2 * WEIGHTS * jnp.exp(logarithms)))
            method = Implicit(Gmres(tolerance=1e-6), on="fixed-point")
            return jnp.mean((method(PrimalDual(), Budget(20_000, 1e-11, 50), lower).x - 1) ** 4)

        return jax.jvp(jax.grad(loss), (jnp.zeros(9),), (WEIGHTS,))[1]

    base = product(1.0)
    for a in (1e-3, 1e3):
        np.testing.assert_allclose(product(a), base, atol=1e-4 * float(jnp.abs(base).max()))


@pytest.mark.parametrize(
    ("method", "solver"),
    [
        (OneStep(), Nesterov()),
        (Phantom(), Nesterov()),
        (Shine(), Lbfgs()),
        (FiniteDifference(), Nesterov()),
        (Checked(Implicit()), Nesterov()),
    ],
    ids=repr,
)
def test_a_rule_whose_gradient_has_no_derivative_says_so(method, solver):
    loss, at = smooth(method, solver)
    with pytest.raises(TypeError, match="has no derivative of its own"):
        jax.hessian(loss)(at)
    with pytest.raises(TypeError, match="has no derivative of its own"):
        jax.jit(jax.grad(lambda w: jnp.sum(jax.grad(loss)(w))))(at)


def test_support_reduced_and_accuracies_say_so():
    loss, at = l1(SupportReduced(), DualFista(), identity=True)
    with pytest.raises(TypeError, match="has no derivative of its own"):
        jax.hessian(loss)(at)

    def accurate(weights):
        lower = LowerLevel(Identity(), IMAGE, FieldsOfExperts(EXPERTS.filters[:3], weights))
        return jnp.mean(Implicit(accuracy=1e-3)(Nesterov(), TIGHT, lower).x ** 4)

    with pytest.raises(TypeError, match="without an accuracy"):
        jax.hessian(accurate)(EXPERTS.weights[:3])

    def slopes(weights):
        lower = LowerLevel(Identity(), IMAGE, FieldsOfExperts(EXPERTS.filters[:3], weights))
        found = hypergradient(Implicit(accuracy=1e-3), Nesterov(), TIGHT, lower, jnp.sum)
        return found.gradient.regularizer.weights

    with pytest.raises(TypeError, match="without an accuracy"):
        jax.jacfwd(slopes)(EXPERTS.weights[:3])


@pytest.mark.parametrize("method", [Implicit(), OneStep(), FiniteDifference()], ids=repr)
def test_forward_mode_is_refused_in_words(method):
    loss, at = smooth(method, Nesterov())
    with pytest.raises(TypeError, match="forward mode"):
        jax.jvp(loss, (at,), (at,))
    with pytest.raises(TypeError, match="forward mode"):
        jax.jacfwd(loss)(at)


def test_a_plain_solve_is_not_differentiated():
    """Tangents through its iterations are those of where they stopped: none at all from the solution."""
    lower, at = l1_lower(identity=True), WEIGHTS
    start = PrimalDualPair(SIGNAL, jnp.zeros(9))

    def loss(weights, start=None):
        return jnp.sum(solve(DualFista(), TIGHT, lower(weights), start).x)

    for differentiate in (
        lambda: jax.jvp(loss, (at,), (at,)),
        lambda: jax.jit(jax.jacfwd(loss))(at),
        lambda: jax.grad(loss)(at, start),
        lambda: jax.vmap(jax.grad(loss))(jnp.stack([at, at])),
    ):
        with pytest.raises(TypeError, match=r"solve with DualFista is not differentiated: call a rule"):
            differentiate()
    held = jax.grad(lambda w: jnp.vdot(w, w) + loss(jax.lax.stop_gradient(w)))(at)
    np.testing.assert_allclose(held, 2 * at)


def test_a_call_with_its_account_is_differentiated_as_the_rule_is():
    """`hypergradient` inside another derivative, in forward mode too; or it says that there is none."""
    lower, at = l1_lower(identity=True), WEIGHTS

    def slopes(weights, method=ClosedForm()):  # noqa: B008
        found = hypergradient(method, DualFista(), TIGHT, lower(weights), lambda x: jnp.mean((x - 1) ** 4))
        return found.gradient.regularizer.weight

    expected, _ = l1(ClosedForm(), DualFista(), identity=True)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(slopes))(at), jax.jit(jax.hessian(expected))(at), atol=1e-8)
    with pytest.raises(TypeError, match="has no derivative of its own"):
        jax.jvp(lambda w: slopes(w, OneStep()), (at,), (at,))


def test_unrolling_goes_through_its_iterations():
    budget = Budget(400, 0.0)
    experts = FieldsOfExperts(EXPERTS.filters[:3], EXPERTS.weights[:3])

    def loss(weights, method, budget):
        lower = LowerLevel(Identity(), IMAGE, FieldsOfExperts(experts.filters, weights))
        return jnp.mean(method(GradientDescent(), budget, lower).x ** 4)

    through = jax.jit(jax.hessian(lambda w: loss(w, Unrolled(), budget)))(experts.weights)
    exact = jax.jit(jax.hessian(lambda w: loss(w, Implicit(), TIGHT)))(experts.weights)
    np.testing.assert_allclose(through, exact, rtol=1e-6, atol=1e-10)
