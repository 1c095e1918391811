"""Solvers and their driver: counts, stops, statuses, residuals, and one solution whatever the solver."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from l1_by_hand import solve_by_hand

from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    Dense,
    FieldsOfExperts,
    Identity,
    LowerLevel,
    Mask,
)
from hypergrad_bench.solvers import (
    Budget,
    DualFista,
    GradientDescent,
    Lbfgs,
    Nesterov,
    Outcome,
    PrimalDual,
    Solution,
    gradient_residual,
    kkt_residual,
    solve,
)

N, SHAPE = 12, (6, 6)
# Few different budgets: each is a program to compile.
LOOSE, TIGHT = Budget(1000, 1e-6, 10), Budget(50_000, 1e-12, 50)


@partial(jax.jit, static_argnums=(0, 1))
def _solve(solver: object, budget: Budget, lower: LowerLevel) -> Solution:
    return solve(solver, budget, lower)


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.fixture(scope="module")
def l1() -> LowerLevel:
    """Denoising of a signal."""
    weight = jnp.asarray(np.random.default_rng(1).uniform(0.05, 0.3, N - 1))
    regularizer = AnalysisL1(AnalysisL1.initial((N,), 0).W, weight)
    return LowerLevel(Identity(), jnp.asarray(_normal(0, N)), regularizer)


@pytest.fixture(scope="module")
def smooth() -> LowerLevel:
    """Deconvolution of an image."""
    kernel = jnp.asarray(np.full((3, 3), 1 / 9))
    return LowerLevel(Blur(kernel), jnp.asarray(_normal(0, *SHAPE)), FieldsOfExperts.initial(SHAPE, 0))


@pytest.mark.parametrize("max_steps", [1, 9, 10, 25])
def test_a_tolerance_of_zero_runs_exactly_all_the_steps(smooth, max_steps):
    solution = _solve(GradientDescent(), Budget(max_steps, 0.0, 10), smooth)
    assert int(solution.steps) == max_steps
    assert int(solution.status) == Outcome.MAX_STEPS
    x, lipschitz = smooth.A.adjoint(smooth.y), 1 + smooth.regularizer.lipschitz(SHAPE)
    assert float(smooth.A.squared_norm(SHAPE)) == pytest.approx(1)
    for _ in range(max_steps):
        x = x - smooth.gradient(x) / lipschitz
    np.testing.assert_allclose(solution.x, x, atol=1e-13)


def test_it_stops_at_the_first_check_that_meets_the_tolerance(smooth):
    budget = Budget(10_000, 1e-5, 7)
    solution = _solve(Nesterov(), budget, smooth)
    steps = int(solution.steps)
    assert int(solution.status) == Outcome.CONVERGED
    assert 0 < steps < 10_000
    assert steps % 7 == 0
    assert float(solution.residual) <= 1e-5
    assert float(solution.residual) == pytest.approx(_relative_gradient(smooth, solution.x), rel=1e-10)
    before = _solve(Nesterov(), Budget(steps - 7, 1e-5, 7), smooth)
    assert int(before.steps) == steps - 7
    assert int(before.status) == Outcome.MAX_STEPS
    assert float(before.residual) > 1e-5


def test_a_rest_that_is_not_a_multiple_of_the_checks_is_run_only_if_needed(smooth):
    converged = _solve(Nesterov(), Budget(10_003, 1e-5, 10), smooth)
    assert int(converged.steps) % 10 == 0
    unfinished = _solve(Nesterov(), Budget(23, 1e-12, 10), smooth)
    assert int(unfinished.steps) == 23
    every = _solve(Nesterov(), Budget(23, 0.0, 1), smooth)
    np.testing.assert_allclose(unfinished.x, every.x, atol=1e-14)


def test_members_of_a_batch_stop_each_at_its_own_time(smooth):
    ys = jnp.stack([smooth.y, 100 * smooth.y])
    budget = Budget(5000, 1e-6, 5)
    batch = jax.jit(jax.vmap(lambda y: solve(GradientDescent(), budget, smooth.replace(y=y))))(ys)
    alone = [_solve(GradientDescent(), budget, smooth.replace(y=y)) for y in ys]
    assert int(batch.steps[0]) != int(batch.steps[1])
    np.testing.assert_array_equal(batch.steps, [int(solution.steps) for solution in alone])
    for index in range(2):
        np.testing.assert_allclose(batch.x[index], alone[index].x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov(), Lbfgs()], ids=repr)
def test_nan_in_a_smooth_problem_ends_as_not_finite(smooth, solver):
    # The constructor refuses NaN in data; inside jit it can only be seen afterwards.
    poisoned = jax.tree.map(lambda leaf: leaf * jnp.nan, smooth)
    solution = _solve(solver, LOOSE, poisoned)
    assert int(solution.status) == Outcome.NOT_FINITE
    assert int(solution.steps) == (1 if solver.traits.checks_every_step else 10)


@pytest.mark.parametrize("solver", [DualFista(), PrimalDual()], ids=repr)
def test_nan_in_an_l1_problem_ends_as_not_finite(l1, solver):
    solution = _solve(solver, LOOSE, jax.tree.map(lambda leaf: leaf * jnp.nan, l1))
    assert int(solution.status) == Outcome.NOT_FINITE
    assert int(solution.steps) == 10


def test_a_measurement_of_zeros_has_the_solution_zero(l1, smooth):
    for solver, lower in ((DualFista(), l1), (Nesterov(), smooth)):
        solution = _solve(solver, LOOSE, lower.replace(y=jnp.zeros_like(lower.y)))
        assert int(solution.status) == Outcome.CONVERGED
        np.testing.assert_array_equal(solution.x, np.zeros(lower.y.shape))


def _relative_gradient(lower: LowerLevel, x: jax.Array) -> float:
    gradient = jax.grad(lower.value)(x)
    return float(np.linalg.norm(gradient) / np.linalg.norm(lower.A.adjoint(lower.y)))


def test_the_residual_of_a_smooth_energy_is_its_relative_gradient_norm(smooth):
    x = jnp.asarray(_normal(5, *SHAPE))
    assert float(gradient_residual(smooth, x)) == pytest.approx(_relative_gradient(smooth, x), rel=1e-12)


@pytest.mark.parametrize("dominant", ["stationarity", "fixed point", "gap"])
def test_the_residual_of_an_l1_problem_is_the_largest_of_three(dominant):
    matrix, W, y, weight = _normal(0, 4, 5), _normal(1, 6, 5), 3 * _normal(2, 4), np.full(6, 0.4)
    regularizer = AnalysisL1(Dense(jnp.asarray(W)), jnp.asarray(0.4))
    lower = LowerLevel(Dense(jnp.asarray(matrix)), jnp.asarray(y), regularizer)
    x, u = {
        "stationarity": (_normal(3, 5), np.sign(W @ _normal(3, 5)) * 0.4),
        "fixed point": (np.zeros(5), np.full(6, 50.0)),
        "gap": (100 * np.linalg.svd(matrix)[2][-1], np.full(6, -40.0)),
    }[dominant]
    scale = np.linalg.norm(matrix.T @ y)
    norms = (float(lower.A.squared_norm((5,))), float(regularizer.W.squared_norm((5,))))
    moved = u - np.clip(u + norms[0] / norms[1] * W @ x, -weight, weight)
    measures = {
        "stationarity": np.linalg.norm(matrix.T @ (matrix @ x - y) + W.T @ u) / scale,
        "fixed point": norms[1] ** 0.5 * np.linalg.norm(moved) / scale,
        "gap": norms[0] * abs(weight @ np.abs(W @ x) - u @ (W @ x)) / scale**2,
    }
    if dominant != "fixed point":
        assert max(measures, key=measures.get) == dominant
    expected = max(measures.values())
    assert float(kkt_residual(lower, jnp.asarray(x), jnp.asarray(u))) == pytest.approx(expected, rel=1e-12)


def test_l1_solvers_reach_the_solution_by_hand(l1):
    W, weight = np.asarray(l1.regularizer.W.matrix), np.asarray(l1.regularizer.weight)
    by_hand = solve_by_hand(W, weight, np.asarray(l1.y))
    for solver in (DualFista(), PrimalDual(), PrimalDual(dual_scale=3.0)):
        solution = _solve(solver, TIGHT, l1)
        assert int(solution.status) == Outcome.CONVERGED
        np.testing.assert_allclose(solution.x, by_hand.x, atol=1e-9)
        dual = np.asarray(solver.dual(l1, solution.state))
        np.testing.assert_allclose(dual, by_hand.u, atol=1e-9)
        np.testing.assert_array_equal(np.abs(dual) < weight * (1 - 1e-6), by_hand.active)
        assert np.all(np.abs(dual) <= weight)


def test_smooth_solvers_reach_the_solution_of_newton(smooth):
    x = np.asarray(smooth.A.adjoint(smooth.y))
    gradient, hessian = jax.jit(jax.grad(smooth.value)), jax.jit(jax.hessian(smooth.value))
    for _ in range(50):
        slope = np.ravel(gradient(jnp.asarray(x)))
        step = np.linalg.solve(np.reshape(hessian(jnp.asarray(x)), (x.size, x.size)), slope).reshape(SHAPE)
        # Halved until the energy falls: pseudo-Huber's curvature vanishes far out.
        length = 1.0
        while smooth.value(jnp.asarray(x - length * step)) > smooth.value(jnp.asarray(x)) and length > 1e-3:
            length /= 2
        x = x - length * step
    assert _relative_gradient(smooth, jnp.asarray(x)) <= 1e-13
    # L-BFGS compares energies, which tells no more than the root of the precision.
    for solver, budget in ((GradientDescent(), TIGHT), (Nesterov(), TIGHT), (Lbfgs(), LOOSE)):
        solution = _solve(solver, budget, smooth)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, x, atol=1e3 * budget.tolerance)


def test_acceleration_takes_fewer_steps(smooth):
    plain, accelerated = (
        int(_solve(solver, TIGHT, smooth).steps) for solver in (GradientDescent(), Nesterov())
    )
    assert accelerated < plain / 2


def test_a_solution_is_a_fixed_point_of_the_step(l1, smooth):
    for solver, lower in ((DualFista(), l1), (PrimalDual(), l1), (Nesterov(), smooth)):
        solution = _solve(solver, TIGHT, lower)
        again = solver.iterate(lower, solver.step(lower, solution.state))
        np.testing.assert_allclose(again, solution.x, atol=1e-11)


def test_float32_problems_stay_float32(l1, smooth):
    for solver, lower in ((DualFista(), l1), (PrimalDual(), l1), (Nesterov(), smooth), (Lbfgs(), smooth)):
        single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), lower)
        solution = _solve(solver, Budget(3000, 1e-5, 10), single)
        assert solution.x.dtype == solution.residual.dtype == jnp.float32
        assert int(solution.status) == Outcome.CONVERGED


def test_solvers_say_why_they_do_not_apply(l1, smooth):
    masked = LowerLevel(Mask(jnp.ones(N)), l1.y, l1.regularizer)
    reasons = {
        (DualFista(), masked): "its dual needs A = identity; Mask is not",
        (DualFista(), smooth): "its dual needs A = identity; Blur is not",
        (PrimalDual(), smooth): "FieldsOfExperts is not an l1 norm of an analysis operator",
        (Nesterov(), l1): "AnalysisL1 is not smooth, and this solver follows gradients",
        (GradientDescent(), l1): "AnalysisL1 is not smooth, and this solver follows gradients",
        (Lbfgs(), l1): "AnalysisL1 is not smooth, and this solver follows gradients",
    }
    for (solver, lower), reason in reasons.items():
        assert solver.supports(lower) == reason
        with pytest.raises(ValueError, match=f"cannot solve this lower level: {reason}"):
            solve(solver, Budget(), lower)
    assert PrimalDual().supports(masked) is None
    assert DualFista().supports(l1) is None


WRONG = {
    "no steps": (lambda: Budget(max_steps=0), "max_steps and check_every must be at least 1; got 0 and 10"),
    "no checks": (lambda: Budget(check_every=0), "must be at least 1; got 1000 and 0"),
    "a negative tolerance": (
        lambda: Budget(tolerance=-1.0),
        "at least 0 and below 1, a relative residual; got -1.0",
    ),
    "a tolerance that is NaN": (lambda: Budget(tolerance=float("nan")), "tolerance must be at least 0"),
    "a tolerance that the start reaches": (
        lambda: Budget(tolerance=1.0),
        "below 1, a relative residual; got 1.0",
    ),
    "an infinite tolerance": (
        lambda: Budget(tolerance=float("inf")),
        "at least 0 and below 1, a relative residual; got inf",
    ),
    "no memory": (lambda: Lbfgs(memory=0), "memory must be at least 1; got 0"),
    "a dual scale of zero": (lambda: PrimalDual(dual_scale=0.0), "dual_scale must be positive; got 0.0"),
}


@pytest.mark.parametrize(("build", "message"), WRONG.values(), ids=WRONG)
def test_limits_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
