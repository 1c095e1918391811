"""Linear solvers of the adjoint equation against numpy, and what they say when they fail."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.solvers import Cg, Dense, LinearSolution

SHAPE = (3, 4)
SOLVERS = (Cg(tolerance=1e-13), Dense())


@partial(jax.jit, static_argnums=0)
def _solve(solver: Cg | Dense, matrix: jax.Array, rhs: jax.Array) -> LinearSolution:
    return solver.solve_linear(lambda v: (matrix @ v.ravel()).reshape(rhs.shape), rhs)


def _system(lowest: float = 1.0, highest: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    orthogonal = np.linalg.qr(generator.normal(size=(12, 12)))[0]
    return orthogonal * np.linspace(lowest, highest, 12) @ orthogonal.T, generator.normal(size=SHAPE)


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
@pytest.mark.parametrize("scale", [1.0, 1e-200, 1e100])
def test_the_solution_whatever_the_size_of_the_right_hand_side(solver, scale):
    matrix, rhs = _system()
    solution = _solve(solver, jnp.asarray(matrix), jnp.asarray(scale * rhs))
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(np.asarray(solution.value) / scale, expected, atol=1e-12)
    assert float(solution.residual) <= 1e-12
    assert int(solution.steps) == 1 if isinstance(solver, Dense) else 5 <= int(solution.steps) <= 20


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_a_right_hand_side_of_zeros_has_the_solution_zero(solver):
    solution = _solve(solver, jnp.asarray(_system()[0]), jnp.zeros(SHAPE))
    np.testing.assert_array_equal(solution.value, np.zeros(SHAPE))
    assert float(solution.residual) == 0


def test_cg_stops_at_its_limit_and_measures_what_is_left():
    matrix, rhs = _system(highest=1e4)
    solution = _solve(Cg(max_steps=3), jnp.asarray(matrix), jnp.asarray(rhs))
    assert int(solution.steps) == 3
    left = np.linalg.norm(matrix @ np.ravel(solution.value) - rhs.ravel()) / np.linalg.norm(rhs)
    assert left > 1e-3
    assert float(solution.residual) == pytest.approx(left, rel=1e-10)


def test_cg_stops_at_its_tolerance():
    matrix, rhs = _system()
    loose = _solve(Cg(tolerance=1e-2), jnp.asarray(matrix), jnp.asarray(rhs))
    assert 1e-6 < float(loose.residual) <= 1e-2
    assert int(loose.steps) < int(_solve(SOLVERS[0], jnp.asarray(matrix), jnp.asarray(rhs)).steps)


def test_cg_asks_float32_for_no_more_than_it_can_give():
    matrix, rhs = _system()
    solution = _solve(Cg(tolerance=0.0), jnp.asarray(matrix, jnp.float32), jnp.asarray(rhs, jnp.float32))
    assert solution.value.dtype == jnp.float32
    assert int(solution.steps) < 100
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(solution.value, expected, atol=1e-4)


def test_a_consistent_singular_system_is_solved_by_cg():
    matrix, rhs = _system(lowest=0.0)
    consistent = (matrix @ rhs.ravel()).reshape(SHAPE)
    solution = _solve(Cg(tolerance=1e-12), jnp.asarray(matrix), jnp.asarray(consistent))
    expected = (np.linalg.pinv(matrix) @ consistent.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(solution.value, expected, atol=1e-10)


def test_an_indefinite_system_shows_in_the_residual_of_cg_and_not_of_lu():
    matrix, rhs = _system(lowest=-30.0, highest=31.0)
    few = _solve(Cg(max_steps=6), jnp.asarray(matrix), jnp.asarray(rhs))
    assert not float(few.residual) <= 1e-3
    exact = _solve(Dense(), jnp.asarray(matrix), jnp.asarray(rhs))
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(exact.value, expected, atol=1e-11)


@pytest.mark.parametrize(
    "build", [lambda: Cg(max_steps=0), lambda: Cg(tolerance=-1e-3), lambda: Cg(tolerance=float("nan"))]
)
def test_limits_of_cg(build):
    with pytest.raises(ValueError, match="max_steps must be at least 1 and tolerance at least 0; got"):
        build()
