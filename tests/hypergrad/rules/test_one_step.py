"""One-step differentiation where the step map is known: T(x) = x - (H x - A^T y) / L, J = I - H / L."""

from functools import partial
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import Hypergradient, Implicit, OneStep, hypergradient
from hypergrad_bench.problems import Dense, FieldsOfExperts, Identity, LowerLevel, pytree
from hypergrad_bench.solvers import Budget, GradientDescent, Lbfgs, Nesterov

N = 8


@pytree
class Tikhonov:
    """Penalise 1/2 ||M x||^2: a smooth regulariser from outside the library."""

    matrix: jax.Array

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Draw a matrix."""
        return cls(jnp.asarray(np.random.default_rng(seed).normal(size=(shape[0], shape[0]))))

    def value(self, x: jax.Array) -> jax.Array:
        """Evaluate the penalty."""
        return 0.5 * jnp.sum((self.matrix @ x) ** 2)

    def gradient(self, x: jax.Array) -> jax.Array:
        """Return M^T M x."""
        return self.matrix.T @ (self.matrix @ x)

    def lipschitz(self, shape: tuple[int, ...]) -> jax.Array:
        """Return a bound of ||M||^2."""
        return jnp.sum(self.matrix**2)


class Quadratic:
    """A quadratic lower level with everything about it in closed form."""

    def __init__(self) -> None:
        generator = np.random.default_rng(1)
        A, M, y = generator.normal(size=(5, N)), generator.normal(size=(N, N)), generator.normal(size=5)
        self.A, self.M, self.y = A, M, y
        self.lower = LowerLevel(Dense(jnp.asarray(A)), jnp.asarray(y), Tikhonov(jnp.asarray(M)))
        lipschitz = float(self.lower.A.squared_norm((N,))) + np.sum(M**2)
        hessian = A.T @ A + M.T @ M
        self.x = np.linalg.solve(hessian, A.T @ y)
        self.jacobian = np.eye(N) - hessian / lipschitz
        self.g = generator.normal(size=N)
        self.one_step = self.g / lipschitz
        # (I - J^T)^{-1} g, divided by the same L: the sum of all powers of J^T instead of the first alone.
        self.exact = np.linalg.solve(np.eye(N) - self.jacobian.T, self.g) / lipschitz

    def gradient(self, v: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Differentiate -<v, A^T(A x - y) + M^T M x> by A, y and M by hand, x held fixed."""
        residual = self.A @ self.x - self.y
        by_A = -np.outer(residual, v) - np.outer(self.A @ v, self.x)
        by_M = -np.outer(self.M @ v, self.x) - np.outer(self.M @ self.x, v)
        return by_A, self.A @ v, by_M


@pytest.fixture(scope="module")
def quadratic() -> Quadratic:
    """One problem for all tests."""
    return Quadratic()


@partial(jax.jit, static_argnums=(0, 1, 2))
def _run(method: object, solver: object, budget: Budget, lower: LowerLevel, g: jax.Array) -> Hypergradient:
    return hypergradient(method, solver, budget, lower, lambda x: jnp.vdot(g, x))


def _compare(gradient: LowerLevel, expected: tuple[np.ndarray, ...], rtol: float) -> None:
    ours = (gradient.A.matrix, gradient.y, gradient.regularizer.matrix)
    for leaf, reference in zip(ours, expected, strict=True):
        assert np.linalg.norm(np.asarray(leaf) - reference) <= rtol * np.linalg.norm(reference)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov()], ids=repr)
def test_the_gradient_is_the_first_term_of_the_neumann_series(quadratic, solver):
    result = _run(OneStep(), solver, Budget(50_000, 1e-14, 50), quadratic.lower, jnp.asarray(quadratic.g))
    np.testing.assert_allclose(result.solution.x, quadratic.x, atol=1e-11)
    _compare(result.gradient, quadratic.gradient(quadratic.one_step), 1e-10)


def test_the_exact_gradient_is_the_whole_series(quadratic):
    result = _run(
        Implicit(), GradientDescent(), Budget(50_000, 1e-14, 50), quadratic.lower, jnp.asarray(quadratic.g)
    )
    _compare(result.gradient, quadratic.gradient(quadratic.exact), 1e-8)


def test_the_error_is_bounded_by_the_contraction_factor_and_the_norm_is_too_small(quadratic):
    result = _run(
        OneStep(), GradientDescent(), Budget(50_000, 1e-14, 50), quadratic.lower, jnp.asarray(quadratic.g)
    )
    contraction = np.linalg.norm(quadratic.jacobian, 2)
    assert 0.5 < contraction < 1
    # For A = I the cotangent of y is the adjoint variable itself; here A's pseudo-inverse is in between.
    adjoint_error = quadratic.one_step - quadratic.exact
    np.testing.assert_allclose(adjoint_error, -quadratic.jacobian.T @ quadratic.exact, atol=1e-12)
    assert np.linalg.norm(adjoint_error) <= contraction * np.linalg.norm(quadratic.exact)
    error = np.asarray(result.gradient.y) - quadratic.A @ quadratic.exact
    np.testing.assert_allclose(error, quadratic.A @ adjoint_error, atol=1e-10)
    assert np.linalg.norm(result.gradient.y) < np.linalg.norm(quadratic.A @ quadratic.exact)


def test_a_map_that_forgets_its_start_has_no_error():
    # H = I and L = 1: T(x) = y, whatever x.
    lower = LowerLevel(Identity(), jnp.arange(4.0), Tikhonov(jnp.zeros((4, 4))))
    g = jnp.asarray([1.0, -2.0, 0.5, 3.0])
    result = _run(OneStep(), GradientDescent(), Budget(10, 1e-12), lower, g)
    np.testing.assert_allclose(result.gradient.y, g, atol=1e-15)


def test_more_budget_does_not_remove_the_bias(quadratic):
    errors = []
    for tolerance in (1e-4, 1e-8, 1e-14):
        result = _run(
            OneStep(),
            GradientDescent(),
            Budget(50_000, tolerance, 50),
            quadratic.lower,
            jnp.asarray(quadratic.g),
        )
        exact = quadratic.gradient(quadratic.exact)[2]
        errors.append(
            np.linalg.norm(np.asarray(result.gradient.regularizer.matrix) - exact) / np.linalg.norm(exact)
        )
    assert errors[-1] > 0.1
    assert errors[0] == pytest.approx(errors[-1], rel=0.01)


def test_a_step_that_reverse_mode_cannot_cross_is_refused():
    lower = LowerLevel(Identity(), jnp.ones((4, 4)), FieldsOfExperts.initial((4, 4), 0))
    with pytest.raises(ValueError, match="Lbfgs's step holds a loop that reverse mode cannot cross"):
        OneStep()(Lbfgs(), Budget(), lower)
    assert OneStep().supports(Nesterov(), lower) is None
