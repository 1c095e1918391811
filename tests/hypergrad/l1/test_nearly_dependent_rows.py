"""Active rows as an unfinished solve leaves them, nearly dependent: their adjoint system is solved too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad.l1.active_set_system import active_set_system
from hypergrad_bench.hypergrad.l1.system_solution import SystemSolution, solve_system
from hypergrad_bench.problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    Dense,
    LowerLevel,
    Photographs,
    measure,
)
from hypergrad_bench.solvers import Admm, Budget, Solution, solve
from hypergrad_bench.solvers.certificate import active_rows

UNKNOWNS, RANK = 120, 90


def _orthogonal(generator: np.random.Generator, size: int) -> np.ndarray:
    return np.linalg.qr(generator.normal(size=(size, size)))[0]


def _solved(rows: np.ndarray, data: np.ndarray, cotangent: np.ndarray) -> SystemSolution:
    regularizer = AnalysisL1(Dense(jnp.asarray(rows)), jnp.asarray(0.1))
    lower = LowerLevel(Dense(jnp.asarray(data)), jnp.zeros(len(data)), regularizer)
    active = jnp.ones(len(rows), bool)

    @jax.jit
    def run(lower: LowerLevel, top: jax.Array) -> SystemSolution:
        system = active_set_system(lower, active, top.shape)
        return solve_system(lower, system, top, jnp.zeros(len(rows)))

    return run(lower, jnp.asarray(cotangent))


@pytest.mark.parametrize("smallest", [1e-1, 1e-3, 1e-5])
@pytest.mark.parametrize("task", ["denoising", "underdetermined"])
def test_the_solution_is_that_on_the_null_space_known_by_construction(smallest, task):
    generator = np.random.default_rng(0)
    data = np.eye(UNKNOWNS) if task == "denoising" else generator.normal(size=(UNKNOWNS // 2, UNKNOWNS))
    basis = _orthogonal(generator, UNKNOWNS)
    values = np.geomspace(1, smallest, RANK)
    rows = _orthogonal(generator, RANK) @ (values[:, None] * basis[:RANK])
    cotangent = generator.normal(size=UNKNOWNS)
    found = _solved(rows, data, cotangent)
    null = basis[RANK:].T
    image = data @ null
    expected = null @ np.linalg.solve(image.T @ image, null.T @ cotangent)
    assert bool(found.converged)
    assert float(found.residual) <= 1e-10
    # Conjugate gradients with a small penalty took up to 900.
    assert int(found.steps) <= 20
    np.testing.assert_allclose(found.v, expected, atol=1e-9 / smallest * np.abs(expected).max() + 1e-12)


# Of a blur the multiplier is 1e7 times as long as the cotangent, and so is its rounding.
@pytest.mark.parametrize(("task", "bound"), [(Denoising(), 1e-10), (Deconvolution(), 1e-6)], ids=repr)
def test_the_rows_that_an_unfinished_solve_leaves_are_not_too_many(task, bound):
    truth = Photographs().sample((32, 32), count=1, seed=0)
    A, y = measure(task, truth, seed=0)
    weight = jnp.asarray(task.noise / 5)
    lower = LowerLevel(A, y[0], AnalysisL1(AnalysisL1.initial((32, 32), 0).W, weight))

    @jax.jit
    def run(lower: LowerLevel) -> tuple[Solution, SystemSolution]:
        found = solve(Admm(rho=1.0), Budget(2000, 1e-5, 5), lower)
        active = active_rows(lower, found.x, found.state.u)
        cotangent = found.x - truth[0]
        system = active_set_system(lower, active, cotangent.shape)
        return found, solve_system(lower, system, cotangent, jnp.zeros_like(found.state.u))

    found, adjoint = run(lower)
    assert found.certificate is not None
    assert not bool(found.certificate.certified)
    assert float(adjoint.residual) <= bound
    assert bool(adjoint.converged) == (float(adjoint.residual) <= 1e-8)
    W, active = lower.regularizer.W, active_rows(lower, found.x, found.state.u)
    cotangent = found.x - truth[0]
    first = A.adjoint(A(adjoint.v)) + W.adjoint(adjoint.mu) - cotangent
    second = jnp.where(active, W(adjoint.v), 0)
    left = float(jnp.sqrt(jnp.sum(first**2) + jnp.sum(second**2)) / jnp.linalg.norm(cotangent))
    assert left == pytest.approx(float(adjoint.residual), rel=0.5, abs=1e-13)


def test_of_the_multipliers_of_dependent_rows_the_smallest_is_returned():
    generator = np.random.default_rng(1)
    some = generator.normal(size=(30, UNKNOWNS))
    rows = np.concatenate([some, generator.normal(size=(20, 30)) @ some])
    cotangent = generator.normal(size=UNKNOWNS)
    found = _solved(rows, np.eye(UNKNOWNS), cotangent)
    smallest = np.linalg.lstsq(rows.T, cotangent, rcond=1e-10)[0]
    np.testing.assert_allclose(found.mu, smallest, atol=1e-10)
    np.testing.assert_allclose(found.v, cotangent - rows.T @ smallest, atol=1e-12)
    assert bool(found.converged)
