"""Linear solvers of the adjoint equation against numpy, and what they say when they fail."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.solvers import (
    AndersonRichardson,
    BiCgStab,
    Cg,
    Dense,
    Gmres,
    LinearSolution,
    Minres,
    Neumann,
    NormalCg,
    Richardson,
)

SHAPE = (3, 4)
SOLVERS = (Cg(tolerance=1e-13), Minres(tolerance=1e-13), Dense())
NONSYMMETRIC = (
    Gmres(tolerance=1e-13),
    BiCgStab(tolerance=1e-13),
    NormalCg(tolerance=1e-13),
    Richardson(tolerance=1e-13),
    AndersonRichardson(tolerance=1e-13),
)
ITERATIVE = (Cg, Minres)


@partial(jax.jit, static_argnums=0)
def _solve(solver: Cg | Dense | Minres, matrix: jax.Array, rhs: jax.Array) -> LinearSolution:
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


@pytest.mark.parametrize("solver", ITERATIVE)
def test_it_stops_at_its_limit_and_measures_what_is_left(solver):
    matrix, rhs = _system(highest=1e4)
    solution = _solve(solver(max_steps=3), jnp.asarray(matrix), jnp.asarray(rhs))
    assert int(solution.steps) == 3
    left = np.linalg.norm(matrix @ np.ravel(solution.value) - rhs.ravel()) / np.linalg.norm(rhs)
    assert left > 1e-3
    assert float(solution.residual) == pytest.approx(left, rel=1e-10)


@pytest.mark.parametrize("solver", ITERATIVE)
def test_it_stops_at_its_tolerance(solver):
    matrix, rhs = _system()
    loose = _solve(solver(tolerance=1e-2), jnp.asarray(matrix), jnp.asarray(rhs))
    assert 1e-6 < float(loose.residual) <= 1e-2
    assert int(loose.steps) < int(
        _solve(solver(tolerance=1e-13), jnp.asarray(matrix), jnp.asarray(rhs)).steps
    )


@pytest.mark.parametrize("solver", ITERATIVE)
def test_it_asks_float32_for_no_more_than_it_can_give(solver):
    matrix, rhs = _system()
    solution = _solve(solver(tolerance=0.0), jnp.asarray(matrix, jnp.float32), jnp.asarray(rhs, jnp.float32))
    assert solution.value.dtype == jnp.float32
    assert int(solution.steps) < 100
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(solution.value, expected, atol=1e-4)


@pytest.mark.parametrize("solver", ITERATIVE)
@pytest.mark.parametrize("lowest", [0.0, -30.0])
def test_a_consistent_singular_system_has_the_smallest_solution(solver, lowest):
    # The second is indefinite: its eigenvalues are -30, -24, ..., 0, ..., 36.
    if lowest and solver is Cg:
        pytest.skip("conjugate gradients are for semidefinite systems")
    matrix, rhs = _system(lowest, 30.0 if lowest == 0 else 36.0)
    assert np.linalg.matrix_rank(matrix) == 11
    consistent = (matrix @ rhs.ravel()).reshape(SHAPE)
    solution = _solve(solver(tolerance=1e-12), jnp.asarray(matrix), jnp.asarray(consistent))
    expected = (np.linalg.pinv(matrix) @ consistent.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(solution.value, expected, atol=1e-10)


def test_an_indefinite_system_shows_in_the_residual_of_cg_alone():
    matrix, rhs = _system(lowest=-30.0, highest=31.0)
    few = _solve(Cg(max_steps=6), jnp.asarray(matrix), jnp.asarray(rhs))
    assert not float(few.residual) <= 1e-3
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)
    for solver in SOLVERS[1:]:
        exact = _solve(solver, jnp.asarray(matrix), jnp.asarray(rhs))
        np.testing.assert_allclose(exact.value, expected, atol=1e-11)
        assert float(exact.residual) <= 1e-12


def test_minres_minimises_the_residual_over_the_krylov_space():
    matrix, rhs = _system(lowest=-30.0, highest=31.0)
    unit = rhs.ravel() / np.linalg.norm(rhs)
    for steps in (1, 2, 5):
        krylov = np.stack([np.linalg.matrix_power(matrix / 31, power) @ unit for power in range(steps)], 1)
        best = np.linalg.lstsq(matrix @ krylov, unit, rcond=None)[0]
        expected = np.linalg.norm(matrix @ krylov @ best - unit)
        found = _solve(Minres(max_steps=steps), jnp.asarray(matrix), jnp.asarray(rhs))
        assert int(found.steps) == steps
        assert float(found.residual) == pytest.approx(expected, rel=1e-10)


def test_minres_on_an_inconsistent_system_ends_with_what_is_out_of_reach():
    matrix, rhs = np.diag([2.0, -1.0, 0.0]), np.array([1.0, 1.0, 0.5])
    found = _solve(Minres(), jnp.asarray(matrix), jnp.asarray(rhs))
    assert float(found.residual) == pytest.approx(0.5 / 1.5, rel=1e-6)
    assert int(found.steps) < 10
    nothing = _solve(Minres(), jnp.zeros((3, 3)), jnp.asarray(rhs))
    np.testing.assert_array_equal(nothing.value, np.zeros(3))
    assert float(nothing.residual) == pytest.approx(1)


def _contraction(norm: float) -> np.ndarray:
    """A nonsymmetric matrix whose spectrum lies on a circle of this radius."""
    return norm * np.linalg.qr(np.random.default_rng(0).normal(size=(12, 12)))[0]


@pytest.mark.parametrize("solver", NONSYMMETRIC, ids=repr)
def test_a_nonsymmetric_system(solver):
    matrix, rhs = np.eye(12) - _contraction(0.8), _system()[1]
    found = _solve(solver, jnp.asarray(matrix), jnp.asarray(1e-100 * rhs))
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)
    np.testing.assert_allclose(found.value * 1e100, expected, atol=1e-10)
    assert float(found.residual) <= 1e-11


@pytest.mark.parametrize("steps", [1, 4, 9])
def test_richardson_and_neumann_make_the_same_sums(steps):
    contraction, rhs = _contraction(0.8), _system()[1]
    matrix = jnp.asarray(np.eye(12) - contraction)
    powers = [np.linalg.matrix_power(contraction, power) @ rhs.ravel() for power in range(steps)]
    expected = np.sum(powers, axis=0).reshape(SHAPE)
    for solver in (Richardson(max_steps=steps), Neumann(steps)):
        found = _solve(solver, matrix, jnp.asarray(rhs))
        np.testing.assert_allclose(found.value, expected, atol=1e-13)
        assert int(found.steps) == steps


def test_anderson_acceleration_is_faster_and_converges_where_richardson_does_not():
    matrix, rhs = _system(lowest=0.05, highest=1.0)
    plain, fast = (
        _solve(solver, jnp.asarray(matrix), jnp.asarray(rhs))
        for solver in (Richardson(), AndersonRichardson())
    )
    assert int(fast.steps) < 0.5 * int(plain.steps)
    # A spectrum up to 3 makes I - H expand.
    matrix, rhs = _system(lowest=0.5, highest=3.0)
    plain, fast = (
        _solve(solver, jnp.asarray(matrix), jnp.asarray(rhs))
        for solver in (Richardson(max_steps=200), AndersonRichardson(max_steps=200))
    )
    assert not float(plain.residual) < 1
    assert float(fast.residual) < 1e-9


@pytest.mark.parametrize("lowest", [1.0, -30.0])
def test_minres_with_a_preconditioner_and_a_guess(lowest):
    # The second system is indefinite; its preconditioner, the inverse of the absolute value, is positive.
    matrix, rhs = _system(lowest, 31.0)
    values, modes = np.linalg.eigh(matrix)
    inverse = jnp.asarray(modes / np.abs(values) @ modes.T)
    expected = np.linalg.solve(matrix, rhs.ravel()).reshape(SHAPE)

    def found(**hints: object) -> LinearSolution:
        def matvec(v: jax.Array) -> jax.Array:
            return (jnp.asarray(matrix) @ v.ravel()).reshape(SHAPE)

        return Minres(tolerance=1e-12).solve_linear(matvec, jnp.asarray(rhs), **hints)

    preconditioned = found(preconditioner=lambda v: (inverse @ v.ravel()).reshape(SHAPE))
    np.testing.assert_allclose(preconditioned.value, expected, atol=1e-10)
    # |H|^{-1} H has the eigenvalues 1 and -1 only.
    assert int(preconditioned.steps) <= 2 < int(found().steps)
    assert int(found(start=jnp.asarray(expected)).steps) == 0
    far = found(start=jnp.asarray(expected + 100 * rhs))
    np.testing.assert_allclose(far.value, expected, atol=1e-9)
    assert float(far.residual) <= 1e-11


def test_minres_minimises_the_residual_in_the_preconditioner_s_norm():
    matrix, rhs = _system(lowest=-30.0, highest=31.0)
    weights = np.linspace(0.5, 2.0, 12)
    for steps in (1, 3, 6):
        krylov = np.stack(
            [
                np.linalg.matrix_power(weights[:, None] * matrix / 31, k) @ (weights * rhs.ravel())
                for k in range(steps)
            ],
            axis=1,
        )
        root = np.sqrt(weights)[:, None]
        best = np.linalg.lstsq(root * (matrix @ krylov), root[:, 0] * rhs.ravel(), rcond=None)[0]
        found = Minres(max_steps=steps).solve_linear(
            lambda v: (jnp.asarray(matrix) @ v.ravel()).reshape(SHAPE),
            jnp.asarray(rhs),
            preconditioner=lambda v: jnp.asarray(weights).reshape(SHAPE) * v,
        )
        np.testing.assert_allclose(np.ravel(found.value), krylov @ best, atol=1e-9)


@pytest.mark.parametrize("solver", [Gmres, BiCgStab, NormalCg, Richardson, AndersonRichardson])
def test_limits_of_the_others(solver):
    with pytest.raises(
        ValueError, match="max_steps must be at least 1 and tolerance at least 0 and below 1, relative; got 0"
    ):
        solver(max_steps=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neumann(0), "terms must be at least 1; got 0"),
        (lambda: AndersonRichardson(memory=0), "memory must be at least 1; got 0"),
        (lambda: Gmres(restart=0), "restart must be at least 1; got 0"),
    ],
)
def test_limits_of_their_own(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("solver", ITERATIVE)
@pytest.mark.parametrize(
    "wrong", [{"max_steps": 0}, {"tolerance": -1e-3}, {"tolerance": 1.0}, {"tolerance": float("nan")}]
)
def test_limits(solver, wrong):
    with pytest.raises(
        ValueError, match="max_steps must be at least 1 and tolerance at least 0 and below 1, relative; got"
    ):
        solver(**wrong)
