"""Implicit differentiation against a dense Newton solve and a dense adjoint solve."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import Backward, Implicit, Solved
from hypergrad_bench.problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Identity,
    Inpainting,
    Lorentzian,
    LowerLevel,
    measure,
)
from hypergrad_bench.solvers import Budget, Cg, Dense, DualFista, Nesterov, Outcome, Solution, solve

SHAPE = (7, 8)
TASKS = (Denoising(), Inpainting(), Deconvolution())
BUDGET = Budget(20_000, 1e-13, 50)


@functools.partial(jax.jit, static_argnums=0)
def _solve(budget: Budget, lower: LowerLevel) -> Solution:
    return solve(Nesterov(), budget, lower)


@functools.partial(jax.jit, static_argnums=0)
def _backward(
    method: Implicit, lower: LowerLevel, solution: Solution, cotangent: jax.Array
) -> tuple[LowerLevel, Backward]:
    return method.backward(Solved(Nesterov(), Budget(), lower, solution), cotangent)


def _gradient(lower: LowerLevel, x: jax.Array) -> jax.Array:
    return jax.grad(lambda x: lower.value(x))(x)


@jax.jit
def _gradient_and_hessian(lower: LowerLevel, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return _gradient(lower, x), jax.hessian(lower.value)(x)


@jax.jit
def _mixed_derivative(lower: LowerLevel, x: jax.Array) -> LowerLevel:
    return jax.jacfwd(_gradient)(lower, x)


class Ours(NamedTuple):
    """What the library returns."""

    solution: Solution
    gradient: LowerLevel
    backward: Backward


class Problem:
    """Fields of experts on a random image, solved here to rounding, with the dense hypergradient."""

    def __init__(self, task: object, potential: object) -> None:
        self.truth = np.random.default_rng(0).random(SHAPE)
        A, y = measure(task, self.truth[None], 1)
        start = FieldsOfExperts.initial(SHAPE, 2)
        regularizer = FieldsOfExperts(start.filters, start.weights, potential)
        self.lower = LowerLevel(A, y[0], regularizer)
        # Newton's steps converge from the library's solution, and forget it.
        x = np.asarray(_solve(BUDGET, self.lower).x)
        for _ in range(3):
            gradient, hessian = self.derivatives(x)
            x = x - np.linalg.solve(hessian, gradient).reshape(SHAPE)
        gradient, hessian = self.derivatives(x)
        mixed = _mixed_derivative(self.lower, jnp.asarray(x))
        assert np.abs(gradient).max() <= 1e-14
        assert np.linalg.eigvalsh(hessian).min() > 1e-3
        self.x = x
        adjoint = np.linalg.solve(hessian, 2 * (x - self.truth).ravel() / x.size).reshape(SHAPE)
        self.expected = jax.tree.map(lambda leaf: -np.tensordot(adjoint, np.asarray(leaf), 2), mixed)

    def derivatives(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the gradient and the Hessian."""
        gradient, hessian = _gradient_and_hessian(self.lower, jnp.asarray(x))
        return np.ravel(gradient), np.reshape(hessian, (x.size, x.size))

    def ours(self, method: Implicit, budget: Budget = BUDGET, dtype: type = jnp.float64) -> Ours:
        """Solve and differentiate the mean squared error with the library, in this precision."""
        lower = jax.tree.map(lambda leaf: leaf.astype(dtype), self.lower)
        solution = _solve(budget, lower)
        cotangent = 2 * (solution.x - jnp.asarray(self.truth, dtype)) / self.truth.size
        return Ours(solution, *_backward(method, lower, solution, cotangent))

    def errors(self, gradient: LowerLevel) -> dict[str, float]:
        """Return the relative error of each leaf."""
        paths = jax.tree_util.tree_leaves_with_path(gradient)
        return {
            jax.tree_util.keystr(path): float(
                np.linalg.norm(np.asarray(leaf) - reference) / np.linalg.norm(reference)
            )
            for (path, leaf), reference in zip(paths, jax.tree.leaves(self.expected), strict=True)
        }


CASES = {
    **{type(task).__name__: (task, FieldsOfExperts.initial(SHAPE, 0).potential) for task in TASKS},
    "a nonconvex potential": (Denoising(), Lorentzian(0.5)),
}


@functools.cache
def _problem(name: str) -> Problem:
    """Solve each problem once."""
    return Problem(*CASES[name])


@pytest.fixture(params=CASES)
def problem(request: pytest.FixtureRequest) -> Problem:
    """Every problem."""
    return _problem(request.param)


@pytest.fixture
def denoising() -> Problem:
    """One problem on which budgets vary."""
    return _problem("Denoising")


@pytest.mark.parametrize("method", [Implicit(), Implicit(Dense())], ids=repr)
def test_every_leaf_against_the_dense_solve(problem, method):
    result = problem.ours(method)
    assert int(result.solution.status) == Outcome.CONVERGED
    np.testing.assert_allclose(result.solution.x, problem.x, atol=1e-11)
    errors = problem.errors(result.gradient)
    assert {".y", ".regularizer.filters", ".regularizer.weights"} <= errors.keys()
    if not isinstance(problem.lower.A, Identity):
        assert {".A.mask", ".A.kernel"} & errors.keys()
    assert max(errors.values()) <= 1e-6, errors
    assert float(result.backward.residual) <= 1e-9
    assert int(result.backward.steps) == 1 if isinstance(method.linear, Dense) else result.backward.steps > 5


@pytest.mark.parametrize("method", [Implicit(), Implicit(Dense())], ids=repr)
def test_float32_is_good_to_three_digits(problem, method):
    result = problem.ours(method, Budget(5000, 1e-6, 50), jnp.float32)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(result.gradient))
    errors = problem.errors(result.gradient)
    assert max(errors.values()) <= 1e-3, errors


def test_the_error_is_of_the_order_of_the_solution_s(denoising):
    problem, errors = denoising, {}
    for tolerance in (1e-2, 1e-3, 1e-4):
        result = problem.ours(Implicit(Dense()), Budget(20_000, tolerance, 1))
        distance = float(np.linalg.norm(result.solution.x - problem.x))
        errors[tolerance] = (distance, max(problem.errors(result.gradient).values()))
    distances, gradients = np.transpose(list(errors.values()))
    assert gradients[0] > gradients[2] > 1e-8
    assert distances[0] > distances[2]
    # Proportional up to a modest factor, over two decades.
    ratios = gradients / distances
    assert ratios.max() / ratios.min() <= 10, errors


def test_few_adjoint_steps_leave_a_residual_that_says_so(denoising):
    problem = denoising
    result = problem.ours(Implicit(Cg(max_steps=2)))
    assert int(result.backward.steps) == 2
    residual, error = float(result.backward.residual), max(problem.errors(result.gradient).values())
    assert 1e-3 < residual < 1
    assert error > 1e-2 * residual


def test_an_l1_problem_has_no_hessian():
    lower = LowerLevel(Identity(), jnp.ones(8), AnalysisL1.initial((8,), 0))
    message = r"Implicit\(\) with DualFista\(\) does not apply: AnalysisL1 is not smooth, so its optimality"
    with pytest.raises(ValueError, match=message):
        Implicit()(DualFista(), Budget(), lower)
