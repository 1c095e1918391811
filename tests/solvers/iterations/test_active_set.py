"""Certified solutions, optimal by matrices alone, from every start; and the closed form on them."""

import itertools
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import kkt_by_hand
import l1_problems
import numpy as np
import pytest
from operators_by_hand import taps_of

from hypergrad_bench.hypergrad import ClosedForm, Solved
from hypergrad_bench.hypergrad.rules.closed_form import CHOLESKY, CONJUGATE_GRADIENTS, FACTORED, INDEFINITE
from hypergrad_bench.problems import AnalysisL1, Deconvolution, Denoising, FilterBank, Inpainting, LowerLevel
from hypergrad_bench.solvers import (
    ActiveSet,
    Admm,
    Budget,
    Cg,
    Minres,
    Outcome,
    PrimalDualPair,
    Solution,
    solve,
)

BUDGET = Budget(max_steps=40, tolerance=1e-13)
TASKS = (Denoising(), Inpainting(), Deconvolution())
# A weight of a fifth of the noise, and seeds at which no row is near its bound or its kink.
PROBLEMS = {
    **{
        f"signal, {task!r}": partial(l1_problems.signal, task, seed)
        for task, seed in zip(TASKS, (0, 0, 0), strict=True)
    },
    **{
        f"image, {task!r}": partial(l1_problems.image, task, seed, task.noise / 5)
        for task, seed in zip(TASKS, (0, 0, 2), strict=True)
    },
    "matrices 9x12": partial(l1_problems.random, (9, 12, 14), 0),
    "matrices 40x64": partial(l1_problems.random, (40, 64, 70), 5),
}


@partial(jax.jit, static_argnums=0)
def _solve(solver: object, lower: LowerLevel, start: PrimalDualPair | None = None) -> Solution:
    return solve(solver, BUDGET, lower, start)


class Certified:
    """A problem, its certified solution, and the two in matrices and vectors."""

    def __init__(self, lower: LowerLevel) -> None:
        self.lower, self.found = lower, _solve(ActiveSet(), lower)
        self.pair = PrimalDualPair(self.found.x, self.found.state.u)
        self.problem = l1_problems.by_hand(lower)
        self.x, self.u = np.ravel(self.found.x), np.ravel(self.found.state.u)
        self.side = kkt_by_hand.side_of(self.problem, self.x, self.u)


@pytest.fixture(scope="module", params=PROBLEMS.values(), ids=PROBLEMS)
def solved(request: pytest.FixtureRequest) -> Certified:
    """Solve each problem once."""
    return Certified(request.param())


def test_it_is_certified_and_optimal_by_hand(solved):
    certificate = solved.found.certificate
    assert int(solved.found.status) == Outcome.CONVERGED
    assert bool(certificate.certified)
    for name in ("stationarity", "infeasibility", "sign_violation", "gap"):
        assert float(getattr(certificate, name)) <= 1e-10
    assert kkt_by_hand.violation(solved.problem, solved.x, solved.u) <= 1e-10
    assert int(certificate.active_size) == solved.side.active.sum()
    assert 0 < solved.side.active.sum() < solved.side.active.size
    rank = np.linalg.matrix_rank(solved.problem.W[solved.side.active], tol=1e-6)
    assert int(certificate.active_rank) == rank
    x, _ = kkt_by_hand.solve_on(solved.problem, solved.side)
    np.testing.assert_allclose(solved.x, x, atol=1e-10)


def test_the_margins_are_those_by_hand(solved):
    certificate, (_, W, weight, _) = solved.found.certificate, solved.problem
    room = (weight - np.abs(solved.u)) / weight
    responses = np.abs(W @ solved.x)[~solved.side.active]
    assert float(certificate.dual_margin) == pytest.approx(room[solved.side.active].min(), rel=1e-6)
    W_norm = float(solved.lower.regularizer.W.squared_norm(solved.lower.shape)) ** 0.5
    margin = responses.min() / (W_norm * np.abs(solved.x).max())
    assert float(certificate.primal_margin) == pytest.approx(margin, rel=1e-6)
    assert int(certificate.ambiguous) == 0


FROM_NOTHING = ("signal, Deconvolution()", "image, Denoising()", "matrices 9x12")


@pytest.mark.parametrize("name", FROM_NOTHING)
def test_every_start_leads_to_the_same_solution(name):
    lower = PROBLEMS[name]()
    default = _solve(ActiveSet(), lower)
    nothing = PrimalDualPair(jnp.zeros_like(default.x), jnp.zeros_like(default.state.u))
    zero, warm = (
        _solve(ActiveSet(), lower, start) for start in (nothing, PrimalDualPair(default.x, default.state.u))
    )
    for found in (zero, warm):
        assert bool(found.certificate.certified)
        np.testing.assert_allclose(found.x, default.x, atol=1e-10)
    assert int(warm.steps) <= int(default.steps) <= int(zero.steps)
    assert int(warm.state.newton_steps) <= int(zero.state.newton_steps)


def test_one_step_of_the_first_order_solver_is_enough_to_start_from():
    lower = PROBLEMS["signal, Denoising()"]()
    found = _solve(ActiveSet(start=Admm(rho=1.0), start_budget=Budget(1, 0.0, 1)), lower)
    assert bool(found.certificate.certified)
    np.testing.assert_allclose(found.x, _solve(ActiveSet(), lower).x, atol=1e-10)


def test_a_pair_nearby_is_left_to_newton_and_another_to_the_first_solver():
    lower = PROBLEMS["image, Inpainting()"]()
    found = _solve(ActiveSet(), lower)
    pair = PrimalDualPair(found.x, found.state.u)
    # A first solver that cannot get anywhere shows whether it was asked.
    still = ActiveSet(start=Admm(), start_budget=Budget(1, 0.0, 1))
    near = PrimalDualPair(pair.x + 1e-9, pair.u)
    for start, moved in ((pair, False), (near, False), (PrimalDualPair(pair.x + 1e-2, pair.u), True)):
        begun = jax.jit(still.init_at)(lower, start)
        assert bool(jnp.any(begun.x != start.x)) == moved


def test_a_dual_variable_out_of_bounds_is_moved_into_them_before_its_pair_is_judged():
    lower = PROBLEMS["image, Inpainting()"]()
    found = _solve(ActiveSet(), lower)
    regularizer = lower.regularizer
    assert isinstance(regularizer, AnalysisL1)
    at_bounds = jnp.abs(found.state.u) >= regularizer.weight_like(found.state.u)
    assert int(jnp.sum(at_bounds)) > 0
    outside = jnp.where(at_bounds, 2 * found.state.u, found.state.u)
    begun = jax.jit(ActiveSet().init_at)(lower, PrimalDualPair(found.x, outside))
    np.testing.assert_array_equal(begun.x, found.x)
    np.testing.assert_array_equal(begun.u, found.state.u)


def test_a_pair_that_is_not_finite_is_left_aside():
    lower = PROBLEMS["image, Inpainting()"]()
    found = _solve(ActiveSet(), lower)
    for wrong in (jnp.nan, jnp.inf):
        broken = PrimalDualPair(found.x.at[0, 0].set(wrong), found.state.u.at[0, 0, 0].set(wrong))
        again = _solve(ActiveSet(), lower, broken)
        assert bool(again.certificate.certified)
        np.testing.assert_allclose(again.x, found.x, atol=1e-10)


def test_a_changed_filter_is_certified_from_the_last_solution():
    lower = PROBLEMS["image, Inpainting()"]()
    last = _solve(ActiveSet(), lower)
    W = lower.regularizer.W
    for change in (1e-3, 1e-6, 1e-9):
        other = FilterBank(W.filters * (1 + change * jnp.cos(W.filters)), W.boundary)
        changed = lower.replace(regularizer=AnalysisL1(other, lower.regularizer.weight))
        warm = _solve(ActiveSet(), changed, PrimalDualPair(last.x, last.state.u))
        assert bool(warm.certificate.certified)
        np.testing.assert_allclose(warm.x, _solve(ActiveSet(), changed).x, atol=1e-10)


@pytest.mark.parametrize("wrong", [{"growth": 0.5}, {"growth": float("nan")}, {"newton_steps": 0}])
def test_limits(wrong):
    with pytest.raises(ValueError, match="growth and newton_steps must be at least 1; got"):
        ActiveSet(**wrong)


TIGHT = {"linear": Cg(20_000, 1e-14), "indefinite": Minres(20_000, 1e-14)}
ITERATIVE = ClosedForm(factored_up_to=0, **TIGHT)
METHODS = (ClosedForm(), ITERATIVE)


@partial(jax.jit, static_argnums=0)
def _backward(method: ClosedForm, lower: LowerLevel, found: Solution, cotangent: jax.Array) -> Any:
    return method.backward(Solved(ActiveSet(), Budget(), lower, found), cotangent)


def _cotangent(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(9).normal(size=shape)


def _leaves(tree: LowerLevel) -> dict[str, np.ndarray]:
    regularizer = tree.regularizer
    parts = {"A": tree.A, "W": regularizer.W, "weight": regularizer.weight, "y": tree.y}
    return {
        name: np.asarray(jax.tree.leaves(part)[0]) for name, part in parts.items() if jax.tree.leaves(part)
    }


def _leaves_by_hand(solved: Certified, cotangent: np.ndarray) -> dict[str, np.ndarray]:
    """The gradient of <cotangent, x*> by dense linear algebra, chained to the leaves."""
    lower, W = solved.lower, solved.lower.regularizer.W
    found = kkt_by_hand.gradients(solved.problem, solved.x, solved.u, cotangent.ravel())
    leaves = {"W": found.W, "weight": found.weight, "y": found.y.reshape(lower.y.shape)}
    if isinstance(W, FilterBank):
        leaves["W"] = taps_of(found.W, np.asarray(W.filters), lower.shape, W.boundary)
    if not np.ndim(lower.regularizer.weight):
        leaves["weight"] = found.weight.sum()
    if jax.tree.leaves(lower.A):
        leaves["A"] = l1_problems.data_leaf(lower, found.A)
    return leaves


def _relative(ours: np.ndarray, expected: np.ndarray) -> float:
    assert ours.shape == np.shape(expected)
    return float(np.linalg.norm(ours - expected) / np.linalg.norm(expected))


def test_both_routes_are_the_dense_solve(solved):
    lower, cotangent = solved.lower, _cotangent(solved.lower.shape)
    denoising = not jax.tree.leaves(lower.A)
    bank = isinstance(lower.regularizer.W, FilterBank)
    expected = {
        ClosedForm(): FACTORED if bank or not denoising else CHOLESKY,
        ITERATIVE: INDEFINITE if not denoising else CONJUGATE_GRADIENTS if bank else CHOLESKY,
    }
    by_hand = _leaves_by_hand(solved, cotangent)
    for method in METHODS:
        assert method.route(lower) == expected[method]
        gradient, account = _backward(method, lower, solved.found, jnp.asarray(cotangent))
        assert float(account.residual) <= 1e-10
        assert int(account.active_size) == solved.side.active.sum()
        leaves = _leaves(gradient)
        assert leaves.keys() == by_hand.keys()
        for name, leaf in leaves.items():
            assert _relative(leaf, by_hand[name]) <= 1e-9, (method, name)


def test_both_routes_withstand_an_image_that_the_filters_annihilate():
    # Every row is active, and 1152 of them have rank 143: the multiplier is one of many.
    lower = l1_problems.image(Denoising(), 1, 0.05)
    found = _solve(ActiveSet(), lower)
    assert bool(found.certificate.certified)
    assert int(found.certificate.active_size) == 1152
    assert int(found.certificate.active_rank) == 143
    cotangent = jnp.asarray(_cotangent((12, 12)))
    factored, iterative = (_leaves(_backward(method, lower, found, cotangent)[0]) for method in METHODS)
    np.testing.assert_allclose(factored["y"], np.full((12, 12), float(jnp.mean(cotangent))), atol=1e-7)
    for name, leaf in factored.items():
        np.testing.assert_allclose(leaf, iterative[name], atol=1e-6)


# Two steps on the plateau, and for random matrices three above it; how large an error may be on it.
STEPS = {"matrices 9x12": (4e-3, 2e-3, 1e-3, 1e-5, 5e-6), "matrices 40x64": (2e-4, 1e-4, 5e-5, 2e-6, 1e-6)}
ON_IMAGES = (2e-7, 1e-7)


@pytest.mark.parametrize("name", [name for name in PROBLEMS if "signal" not in name])
def test_the_gradient_is_the_slope_of_solutions_that_are_certified_by_hand(name):
    solved = Certified(PROBLEMS[name]())
    lower, cotangent = solved.lower, _cotangent(solved.lower.shape)
    gradient = _backward(ClosedForm(), lower, solved.found, jnp.asarray(cotangent))[0]
    image = isinstance(lower.regularizer.W, FilterBank)
    plateau = 1e-7 if image else 1e-8
    for field in _leaves(gradient):
        errors = _errors(solved, gradient, field, cotangent, ON_IMAGES if image else STEPS[name])
        assert max(errors[-2:]) <= plateau, (field, errors)
        for coarse, fine in itertools.pairwise(errors[:-2]):
            # x* is affine in the weight and in y, so that their differences have no error but rounding.
            assert coarse <= plateau or coarse / fine == pytest.approx(4, rel=0.05), (field, errors)
        if not image and field in ("A", "W"):
            assert errors[0] > 10 * errors[-1], (field, errors)


def _errors(
    solved: Certified, gradient: LowerLevel, field: str, cotangent: np.ndarray, steps: tuple[float, ...]
) -> list[float]:
    """Relative errors of central differences along a direction near, but not along, the gradient."""

    def draw(path: tuple, leaf: jax.Array) -> np.ndarray:
        if field not in jax.tree_util.keystr(path):
            return np.zeros(leaf.shape)
        noise = np.random.default_rng(3).normal(size=leaf.shape)
        return np.asarray(leaf) / np.linalg.norm(leaf) + 0.5 * noise / np.linalg.norm(noise)

    direction = jax.tree_util.tree_map_with_path(draw, gradient)
    slope = sum(
        float(np.sum(np.asarray(one) * other))
        for one, other in zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True)
    )

    def loss(step: float) -> float:
        moved = jax.tree.map(lambda leaf, d: leaf + step * d, solved.lower, direction)
        problem = l1_problems.by_hand(moved)
        x, u = kkt_by_hand.solve_on(problem, solved.side)
        assert kkt_by_hand.violation(problem, x, u) <= 1e-12, (field, step)
        return float(cotangent.ravel() @ x)

    return [abs((loss(step) - loss(-step)) / (2 * step) / slope - 1) for step in steps]
