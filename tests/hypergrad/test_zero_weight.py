"""A weight of exactly zero: the one-sided derivative, by a formula, and the same from every rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import (
    ClosedForm,
    FiniteDifference,
    ForwardMode,
    Implicit,
    Spsa,
    SupportReduced,
    Unrolled,
    random_directions,
    reference,
)
from hypergrad_bench.problems import AnalysisL1, Dense, Identity, LowerLevel
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, DualFista, Gmres, PrimalDual
from hypergrad_bench.solvers.dual_norm import within_bounds

CONVERGED, STEPS = Budget(20_000, 1e-11, 10), Budget(1500, 0.0)
RULES = {
    "closed form, certified": (ClosedForm(), ActiveSet(), CONVERGED),
    "closed form": (ClosedForm(), DualFista(), CONVERGED),
    "closed form, iterative": (ClosedForm(factored_up_to=0), Admm(), CONVERGED),
    "support-reduced": (SupportReduced(), DualFista(), CONVERGED),
    "fixed point": (Implicit(Gmres(), on="fixed-point"), Admm(), CONVERGED),
    "unrolled": (Unrolled(), DualFista(), STEPS),
    "unrolled primal-dual": (Unrolled(), PrimalDual(), Budget(4000, 0.0)),
    "unrolled, admm": (Unrolled(), Admm(), STEPS),
    "forward mode": (ForwardMode(), Admm(), STEPS),
    "differences": (FiniteDifference(), DualFista(), CONVERGED),
    "differences, certified": (FiniteDifference(), ActiveSet(), CONVERGED),
}
SEEDS = (0, 1, 2, 3)


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return W (5 x 6, Gaussian), y (cumulative sums), a target, and weights of which the third is zero."""
    generator = np.random.default_rng(seed)
    W, y = generator.normal(size=(5, 6)), np.cumsum(generator.normal(size=6))
    return W, y, generator.normal(size=6), np.array([0.1, 0.2, 0.0, 0.3, 0.1])


def by_formula(W: np.ndarray, y: np.ndarray, target: np.ndarray, weight: np.ndarray, x: np.ndarray) -> float:
    """dx/dweight_i = -P w_i sign(w_i x), P the projection on the null space of the rows with w_j x = 0."""
    still = W[(np.abs(W @ x) < 1e-9) & (weight > 0)]
    P = np.eye(6) - np.linalg.pinv(still) @ still
    return float(2 * (x - target) @ (-P @ W[2] * np.sign(W[2] @ x)))


def loss(weight, rule, W, y, target):
    method, solver, budget = rule
    lower = LowerLevel(Identity(), jnp.asarray(y), AnalysisL1(Dense(jnp.asarray(W)), weight))
    x = method(solver, budget, lower).x
    return jnp.sum(jnp.square(x - target)), x


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_derivative_by_a_zero_weight(rule, seed):
    """Both signs of w_i x occur among the seeds: a minimum of a maximum would get one of them wrong."""
    W, y, target, weight = problem(seed)
    function = jax.jit(jax.grad(lambda w: loss(w, rule, W, y, target), has_aux=True))
    gradient, x = function(jnp.asarray(weight))
    exact = by_formula(W, y, target, weight, np.asarray(x))
    assert abs(exact) > 1e-3
    assert float(gradient[2]) == pytest.approx(exact, rel=2e-4 if "differences" in str(rule[0]) else 1e-5)


def test_both_signs_occur():
    signs = set()
    for seed in SEEDS:
        W, y, target, weight = problem(seed)
        x = loss(jnp.asarray(weight), RULES["closed form, certified"], W, y, target)[1]
        signs.add(float(np.sign(W[2] @ np.asarray(x))))
    assert signs == {-1.0, 1.0}


def test_the_formula_is_what_one_sided_differences_of_certified_solutions_say():
    W, y, target, weight = problem(1)
    rule = RULES["closed form, certified"]
    here, x = loss(jnp.asarray(weight), rule, W, y, target)
    exact = by_formula(W, y, target, weight, np.asarray(x))
    errors = []
    for step in (1e-3, 1e-4, 1e-5):
        ahead = loss(jnp.asarray(weight).at[2].set(step), rule, W, y, target)[0]
        errors.append(abs(float(ahead - here) / step - exact))
    assert errors[2] < 1e-3 * abs(exact)
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.2)


def test_no_weight_at_all_is_the_start_of_a_training_run():
    """All weights zero: x = y, and dx/dweight = -sum_i w_i sign(w_i y)."""
    W, y, target, _ = problem(2)
    exact = 2 * (y - target) @ (-W.T * np.sign(W @ y))
    for rule in (RULES["closed form"], RULES["support-reduced"], RULES["unrolled"]):
        gradient, x = jax.grad(lambda w, rule=rule: loss(w, rule, W, y, target), has_aux=True)(jnp.zeros(5))
        np.testing.assert_allclose(x, y, atol=1e-12)
        np.testing.assert_allclose(gradient, exact, rtol=1e-9)


def test_spsa_goes_through_zero():
    W, y, target, weight = problem(1)
    rule = (Spsa(samples=4000), DualFista(), Budget(2000, 1e-10, 10))
    gradient, x = jax.grad(lambda w: loss(w, rule, W, y, target), has_aux=True)(jnp.asarray(weight))
    exact = by_formula(W, y, target, weight, np.asarray(x))
    assert float(gradient[2]) == pytest.approx(exact, rel=0.3)


def test_a_row_of_weight_zero_on_its_own_kink_is_ambiguous():
    """w_i x = 0 and a weight of zero: derivatives by it differ in sign, and nothing holds the row there."""
    W, y = jnp.asarray([[1.0, -1.0], [1.0, 1.0]]), jnp.asarray([1.0, 1.0])
    lower = LowerLevel(Identity(), y, AnalysisL1(Dense(W), jnp.asarray([0.0, 0.1])))
    solution = ClosedForm()(ActiveSet(), CONVERGED, lower)
    assert int(solution.certificate.ambiguous) == 1
    # By y the solution moves as if the row were not there: x = y - 0.1 (1, 1).
    jacobian = jax.jacobian(lambda y: ClosedForm()(ActiveSet(), CONVERGED, lower.replace(y=y)).x)(y)
    np.testing.assert_allclose(jacobian, np.eye(2), atol=1e-12)


def test_the_bounds_beyond_zero():
    """Inside stays, outside goes to the bound, and a negative weight goes on with weight * sign."""
    u, weight = jnp.asarray([0.5, -2.0, 3.0, -1.0, 2.0]), jnp.asarray([1.0, 1.0, 0.0, 0.0, -0.1])
    np.testing.assert_array_equal(within_bounds(u, weight), [0.5, -1.0, 0.0, -0.0, -0.1])
    slopes = jax.jacobian(within_bounds, argnums=1)(u, weight)
    np.testing.assert_array_equal(jnp.diagonal(slopes), [0.0, -1.0, 1.0, -1.0, 1.0])


def test_a_reference_at_a_zero_weight_is_right_or_not_trusted():
    W, y, target, weight = problem(1)
    lower = LowerLevel(Identity(), jnp.asarray(y), AnalysisL1(Dense(jnp.asarray(W)), jnp.asarray(weight)))
    directions = random_directions(lower, 2, 0, ("regularizer",))
    found = reference(lower, lambda x: jnp.sum(jnp.square(x - target)), directions)
    exact = by_formula(W, y, target, weight, np.asarray(found.x))
    assert float(found.gradient.regularizer.weight[2]) == pytest.approx(exact, rel=1e-9)
