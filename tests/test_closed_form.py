"""The closed form against the explicit projection formula and against differences of solves in numpy alone."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from l1_by_hand import gradients_by_hand, optimal_by_hand, solve_by_hand
from operators_by_hand import bank_tensor

from hypergrad_bench.hypergrad import ClosedForm, Hypergradient, Unrolled, hypergradient
from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    FieldsOfExperts,
    FilterBank,
    Identity,
    LowerLevel,
    PiecewiseConstant,
)
from hypergrad_bench.solvers import Budget, Cg, DualFista, GradientDescent, PrimalDual

SEED = 1
BUDGET = Budget(20_000, 1e-14, 50)
LEAVES = ("W", "weight", "y")
KINDS = ("one number", "one a row")


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
        generator = np.random.default_rng(SEED)
        self.truth = PiecewiseConstant().sample((n,), 1, SEED)[0]
        self.y = self.truth + 0.1 * generator.normal(size=n)
        self.W = np.asarray(AnalysisL1.initial((n,), SEED).W.matrix)
        self.weight = np.asarray(0.1) if kind == "one number" else generator.uniform(0.05, 0.15, n - 1)
        regularizer = AnalysisL1(Dense(jnp.asarray(self.W)), jnp.asarray(self.weight))
        self.lower = LowerLevel(Identity(), jnp.asarray(self.y), regularizer)
        self.result = _closed_form(ClosedForm(), self.lower, jnp.asarray(self.truth))
        self.solved = solve_by_hand(self.W, self.weight, self.y)
        cotangent = 2 * (self.solved.x - self.truth) / n
        self.by_hand = gradients_by_hand(self.W, self.weight, self.y, self.solved, cotangent)


@pytest.fixture(scope="module", params=[(n, kind) for n in (64, 256) for kind in KINDS], ids=str)
def problem(request: pytest.FixtureRequest) -> Problem:
    """Solve each problem once."""
    return Problem(*request.param)


def test_the_hand_solve_is_that_of_a_library(problem):
    bound = np.broadcast_to(problem.weight, problem.W.shape[:1])
    if problem.y.size > 64:
        pytest.skip("the library's active-set solver takes seconds")
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
    # A direction along which the loss is steep: a random one would drown in the rounding of the differences.
    gradient = _flat(problem.result.gradient)[leaf]
    noise = np.random.default_rng(3).normal(size=gradient.shape)
    direction = gradient / np.linalg.norm(gradient) + noise / np.linalg.norm(noise)
    slope = float(np.sum(gradient * direction))

    def loss(step: float) -> float:
        moved = {**parts, leaf: parts[leaf] + step * direction}
        solved = solve_by_hand(**moved, start=problem.solved.u)
        # A kink between the two ends would spoil the difference, and hide a wrong slope or fake one.
        np.testing.assert_array_equal(solved.active, problem.solved.active)
        return float(np.mean((solved.x - problem.truth) ** 2))

    steps = (8e-4, 2e-4, 5e-5) if leaf != "y" else (1e-3, 1e-4)
    errors = [abs((loss(h) - loss(-h)) / (2 * h) / slope - 1) for h in steps]
    assert errors[-1] <= 1e-8
    if leaf == "W":
        # The loss is quadratic in y and in the weight, rational in W: only there is an error that falls like
        # the square of the step.
        assert errors[0] / errors[1] == pytest.approx(16, rel=0.05)
        assert errors[1] / errors[2] == pytest.approx(16, rel=0.2)
    else:
        assert max(errors) <= 1e-8
