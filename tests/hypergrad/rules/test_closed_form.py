"""The closed form against the explicit projection formula and differences of solves, in numpy alone."""

from collections.abc import Iterator
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from l1_by_hand import gradients_by_hand, solve_by_hand
from operators_by_hand import bank_tensor
from threadpoolctl import threadpool_limits

from hypergrad_bench.hypergrad import ClosedForm, Hypergradient, hypergradient
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    FilterBank,
    Identity,
    LowerLevel,
    PiecewiseConstant,
)
from hypergrad_bench.solvers import Budget, Cg, DualFista, GradientDescent, PrimalDual, solve

# Seeds whose active set does not change under small perturbations: no kink between the ends of a difference.
SEEDS = {(64, "one number"): 2, (64, "one per row"): 9, (256, "one number"): 13, (256, "one per row"): 1}
BUDGET = Budget(20_000, 1e-14, 50)
LEAVES = ("W", "weight", "y")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Keep the threads of numpy's linear algebra from waiting for a busy machine's cores."""
    with threadpool_limits(1, "blas"):
        yield


def _relative(error: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(error - reference) / np.linalg.norm(reference))


def _flat(gradient: LowerLevel) -> dict[str, np.ndarray]:
    regularizer = gradient.regularizer
    leaves = {"W": jax.tree.leaves(regularizer.W)[0], "weight": regularizer.weight, "y": gradient.y}
    return {name: np.asarray(leaf) for name, leaf in leaves.items()}


@partial(jax.jit, static_argnums=0)
def _closed_form(method: ClosedForm, lower: LowerLevel, truth: jax.Array) -> Hypergradient:
    return hypergradient(method, DualFista(), BUDGET, lower, lambda x: jnp.mean((x - truth) ** 2))


class Problem:
    """l1 denoising of a piecewise-constant signal, solved here and by hand."""

    def __init__(self, n: int, kind: str) -> None:
        seed = SEEDS[n, kind]
        generator = np.random.default_rng(seed)
        self.truth = PiecewiseConstant().sample((n,), 1, seed)[0]
        self.y = self.truth + 0.1 * generator.normal(size=n)
        self.W = np.asarray(AnalysisL1.initial((n,), seed).W.matrix)
        self.weight = np.asarray(0.1) if kind == "one number" else generator.uniform(0.05, 0.15, n - 1)
        regularizer = AnalysisL1(Dense(jnp.asarray(self.W)), jnp.asarray(self.weight))
        self.lower = LowerLevel(Identity(), jnp.asarray(self.y), regularizer)
        self.result = _closed_form(ClosedForm(), self.lower, jnp.asarray(self.truth))
        self.solved = solve_by_hand(self.W, self.weight, self.y)
        cotangent = 2 * (self.solved.x - self.truth) / n
        self.by_hand = gradients_by_hand(self.W, self.weight, self.y, self.solved, cotangent)


@pytest.fixture(scope="module", params=SEEDS, ids=str)
def problem(request: pytest.FixtureRequest) -> Problem:
    """Solve each problem once."""
    return Problem(*request.param)


@pytest.mark.parametrize(("n", "kind"), [key for key in SEEDS if key[0] == 64], ids=str)
def test_the_hand_solve_is_that_of_a_library(n, kind):
    problem = Problem(n, kind)
    bound = np.broadcast_to(problem.weight, problem.W.shape[:1])
    library = scipy.optimize.lsq_linear(
        problem.W.T, problem.y, bounds=(-bound, bound), method="bvls", tol=1e-15
    )
    np.testing.assert_allclose(library.x, problem.solved.u, atol=1e-12)


def test_the_solution_is_the_one_by_hand(problem):
    np.testing.assert_allclose(problem.result.solution.x, problem.solved.x, atol=1e-11)
    assert int(problem.result.backward.active_size) == problem.solved.active.sum()
    assert int(problem.result.backward.active_rank) == problem.solved.active.sum()
    assert 0 < problem.solved.active.sum() < problem.solved.active.size
    assert float(problem.result.backward.residual) <= 1e-13


@pytest.mark.parametrize("leaf", LEAVES)
def test_the_gradient_is_the_projection_formula(problem, leaf):
    ours, expected = _flat(problem.result.gradient)[leaf], getattr(problem.by_hand, leaf)
    assert ours.shape == expected.shape
    assert _relative(ours, expected) <= 1e-8


@pytest.mark.parametrize("leaf", LEAVES)
def test_the_gradient_is_the_slope_of_solves_by_hand(problem, leaf):
    parts = {"W": problem.W, "weight": problem.weight, "y": problem.y}
    # Steep enough not to drown in the rounding of the differences, and not the gradient's own direction.
    gradient = _flat(problem.result.gradient)[leaf]
    noise = np.random.default_rng(3).normal(size=gradient.shape)
    direction = gradient / np.linalg.norm(gradient) + 0.5 * noise / np.linalg.norm(noise)
    slope = float(np.sum(gradient * direction))

    def loss(step: float) -> float:
        solved = solve_by_hand(**{**parts, leaf: parts[leaf] + step * direction}, start=problem.solved.u)
        np.testing.assert_array_equal(solved.active, problem.solved.active)
        return float(np.mean((solved.x - problem.truth) ** 2))

    errors = [abs((loss(h) - loss(-h)) / (2 * h) / slope - 1) for h in (2e-4, 1e-4, 5e-5, 1e-5)]
    assert errors[-1] <= 1e-8
    if leaf == "W":
        # x* is rational in W: halving the step divides the error by four.
        assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
        assert errors[1] / errors[2] == pytest.approx(4, rel=0.02)
    else:
        # x* is affine in the weight and in y: central differences are exact at every step.
        assert max(errors) <= 1e-8


class Bank:
    """Denoising of a small image by a bank, and by the matrix of that bank."""

    def __init__(self, boundary: str, per_filter: bool) -> None:
        generator = np.random.default_rng(4)
        self.filters = generator.normal(size=(2, 3, 3))
        self.y = generator.normal(size=(5, 6))
        self.weight = np.asarray([0.15, 0.1]) if per_filter else np.asarray(0.12)
        self.tensor = bank_tensor((2, 3, 3), (5, 6), boundary)
        self.matrix = np.tensordot(self.filters, self.tensor, 3)
        self.rows = np.repeat(np.broadcast_to(self.weight, 2), 30)
        regularizer = AnalysisL1(FilterBank(jnp.asarray(self.filters), boundary), jnp.asarray(self.weight))
        self.lower = LowerLevel(Identity(), jnp.asarray(self.y), regularizer)
        rows = AnalysisL1(Dense(jnp.asarray(self.matrix)), jnp.asarray(self.rows))
        self.dense = LowerLevel(Identity(), jnp.asarray(self.y.ravel()), rows)
        self.truth = generator.normal(size=(5, 6))
        self.method = ClosedForm(linear=Cg(tolerance=1e-14))


@pytest.mark.parametrize(
    ("boundary", "per_filter"), [("circular", True), ("zero", False), ("reflect", True)], ids=str
)
def test_a_bank_is_its_matrix_with_the_gradient_chained_through_the_filters(boundary, per_filter):
    bank = Bank(boundary, per_filter)
    result = _closed_form(bank.method, bank.lower, jnp.asarray(bank.truth))
    solved = solve_by_hand(bank.matrix, bank.rows, bank.y.ravel(), np.ravel(_dual(bank.lower)))
    assert 0 < int(result.backward.active_size) == solved.active.sum() < solved.active.size
    np.testing.assert_allclose(np.ravel(result.solution.x), solved.x, atol=1e-11)
    cotangent = 2 * (solved.x - bank.truth.ravel()) / 30
    by_hand = gradients_by_hand(bank.matrix, bank.rows, bank.y.ravel(), solved, cotangent)
    ours = _flat(result.gradient)
    chained = np.tensordot(bank.tensor, by_hand.W, 2)
    assert _relative(ours["W"], chained) <= 1e-8
    per_filter_weight = by_hand.weight.reshape(2, 30).sum(axis=1)
    expected = per_filter_weight if per_filter else per_filter_weight.sum()
    assert _relative(ours["weight"], expected) <= 1e-8
    assert _relative(ours["y"].ravel(), by_hand.y) <= 1e-8
    if boundary == "circular":
        as_matrix = _closed_form(ClosedForm(), bank.dense, jnp.asarray(bank.truth.ravel()))
        assert _relative(_flat(as_matrix.gradient)["W"], by_hand.W) <= 1e-8


@jax.jit
def _dual(lower: LowerLevel) -> jax.Array:
    return solve(DualFista(), BUDGET, lower).state.u


def test_a_repeated_row_gives_finite_results_and_the_right_rank():
    n = 16
    generator = np.random.default_rng(5)
    matrix = np.diff(np.eye(n), axis=0)
    y = np.repeat([0.0, 1.0], n // 2) + 0.05 * generator.normal(size=n)
    regularizer = AnalysisL1(Dense(jnp.asarray(np.vstack([matrix, matrix[:1]]))), jnp.asarray(0.2))
    lower = LowerLevel(Identity(), jnp.asarray(y), regularizer)
    result = _closed_form(ClosedForm(), lower, jnp.zeros(n))
    size, rank = int(result.backward.active_size), int(result.backward.active_rank)
    active = np.abs(np.asarray(result.solution.state.u)) < 0.2 * (1 - 1e-6)
    assert active[0]
    assert active[-1]
    assert size == active.sum()
    assert rank == size - 1 == np.linalg.matrix_rank(np.asarray(regularizer.W.matrix)[active])
    assert all(np.isfinite(leaf).all() for leaf in _flat(result.gradient).values())
    # The solution is still smooth in y: there the gradient is the projection on the null space.
    null = (
        np.eye(n)
        - np.linalg.pinv(np.asarray(regularizer.W.matrix)[active]) @ np.asarray(regularizer.W.matrix)[active]
    )
    expected = null @ (2 * np.asarray(result.solution.x) / n)
    assert _relative(np.asarray(result.gradient.y), expected) <= 1e-8


def test_a_weight_so_large_that_all_rows_are_active_and_one_of_zero():
    problem = Problem(64, "one number")
    heavy = problem.lower.replace(regularizer=AnalysisL1(problem.lower.regularizer.W, jnp.asarray(100.0)))
    result = _closed_form(ClosedForm(), heavy, jnp.asarray(problem.truth))
    assert int(result.backward.active_size) == 63
    assert float(jnp.max(jnp.abs(result.gradient.regularizer.weight))) <= 1e-12
    free = problem.lower.replace(regularizer=AnalysisL1(problem.lower.regularizer.W, jnp.asarray(0.0)))
    result = _closed_form(ClosedForm(), free, jnp.asarray(problem.truth))
    assert int(result.backward.active_size) == 0
    np.testing.assert_allclose(result.solution.x, problem.y, atol=1e-14)
    np.testing.assert_allclose(result.gradient.y, 2 * (problem.y - problem.truth) / 64, atol=1e-14)
    np.testing.assert_allclose(result.gradient.regularizer.W.matrix, 0, atol=1e-14)


def _small(A: object, regularizer: object) -> LowerLevel:
    return LowerLevel(A, jnp.ones((6, 6)), regularizer)


UNSUPPORTED = {
    "a smooth regulariser": (
        GradientDescent(),
        _small(Identity(), FieldsOfExperts.initial((6, 6), 0)),
        "FieldsOfExperts has no dual variable that shows an active set",
    ),
    "a solver that cannot solve it": (
        GradientDescent(),
        _small(Identity(), AnalysisL1.initial((6, 6), 0)),
        "AnalysisL1 is not smooth, and this solver follows gradients",
    ),
}


@pytest.mark.parametrize(("solver", "lower", "reason"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_it_cannot_differentiate_is_refused_with_the_reason(solver, lower, reason):
    with pytest.raises(ValueError, match=reason):
        ClosedForm()(solver, Budget(), lower)
    with pytest.raises(ValueError, match=reason):
        hypergradient(ClosedForm(), solver, Budget(), lower, jnp.sum)


@pytest.mark.usefixtures("as_users_run")
def test_a_solver_without_a_dual():
    lower = _small(Identity(), AnalysisL1.initial((6, 6), 0))
    assert ClosedForm().supports(GradientDescent(), lower) == "GradientDescent offers no dual variable"
    assert ClosedForm().supports(DualFista(), lower) is None
    assert ClosedForm().supports(PrimalDual(), lower) is None


@pytest.mark.parametrize("threshold", [-0.1, 1.0, float("nan")])
def test_threshold_limits(threshold):
    with pytest.raises(ValueError, match=r"threshold must be None or in \[0, 1\); got"):
        ClosedForm(threshold)
