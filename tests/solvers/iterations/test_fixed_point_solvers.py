"""Solvers of fixed points: one solution for all, safeguards, what they refuse."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixed_point_problems import (
    ENERGIES,
    MAPS,
    SHAPE,
    TASKS,
    TIGHT,
    Denoiser,
    Ridge,
    Soft,
    lower_level,
    solved,
)

from hypergrad_bench.problems import (
    AnalysisL1,
    Denoising,
    Dense,
    FieldsOfExperts,
    Identity,
    Inpainting,
    LowerLevel,
    UntiedExperts,
)
from hypergrad_bench.solvers import (
    Anderson,
    Broyden,
    Budget,
    ForwardBackward,
    Nesterov,
    NonmonotoneAcceleratedGradient,
    Outcome,
    Picard,
    fixed_point_residual,
)


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("make", [FieldsOfExperts, UntiedExperts], ids=lambda one: one.__name__)
def test_all_reach_one_fixed_point(make, task):
    lower = lower_level(task, make.initial(SHAPE, 0))
    # The oracle: Newton with dense Jacobians of the operator.
    x = lower.A.adjoint(lower.y)
    newton = jax.jit(
        lambda x: (
            x
            - jnp.linalg.solve(
                jax.jacobian(lower.operator)(x).reshape(x.size, x.size), lower.operator(x).ravel()
            ).reshape(x.shape)
        )
    )
    x = solved(Picard(), Budget(20_000, 1e-6, 10), lower).x
    for _ in range(4):
        x = newton(x)
    assert float(jnp.linalg.norm(lower.operator(x))) < 1e-13 * 12
    for solver in MAPS + (ENERGIES if make is FieldsOfExperts else []):
        solution = solved(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, x, atol=1e-9, err_msg=repr(solver))


def test_a_quadratic_prox_has_its_closed_form():
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(6, 8)))
    y = jnp.asarray(np.random.default_rng(1).normal(size=6))
    lower = LowerLevel(Dense(matrix), y, Ridge(jnp.asarray(0.5)))
    expected = np.linalg.solve(matrix.T @ matrix + 0.5 * np.eye(8), matrix.T @ y)
    for solver in (*MAPS, *ENERGIES, Picard(step_scale=1.9)):
        solution = solved(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, expected, atol=1e-10, err_msg=repr(solver))


def test_soft_thresholding_of_an_l1_norm():
    y = jnp.asarray(np.random.default_rng(1).normal(size=20))
    lower = LowerLevel(Identity(), y, Soft(jnp.asarray(0.3)))
    expected = np.sign(y) * np.maximum(np.abs(y) - 0.3, 0)
    for solver in (Picard(step_scale=0.5), Anderson(), Broyden(), *ENERGIES):
        solution = solved(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, expected, atol=1e-10, err_msg=repr(solver))


def test_a_denoiser_in_place_of_a_prox():
    size = 8
    regularizer = Denoiser.initial((size,), 0)
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(6, size)))
    lower = LowerLevel(Dense(matrix), jnp.ones(6), regularizer)
    tau = 1 / np.linalg.norm(matrix, 2) ** 2
    D = np.asarray(regularizer.matrix)
    expected = np.linalg.solve(
        np.eye(size) - D @ (np.eye(size) - tau * matrix.T @ matrix), D @ (tau * matrix.T @ np.ones(6))
    )
    for solver in MAPS:
        solution = solved(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, expected, atol=1e-10, err_msg=repr(solver))
        assert solver.supports(lower) is None
    assert ForwardBackward().supports(lower) == "Denoiser has no energy, and this solver compares energies"


def test_a_start_that_is_the_solution_takes_no_step():
    lower = lower_level(Denoising(), UntiedExperts.initial(SHAPE, 0))
    solution = solved(Picard(), TIGHT, lower.replace(y=jnp.zeros_like(lower.y)))
    assert int(solution.steps) == 0
    assert int(solution.status) == Outcome.CONVERGED
    np.testing.assert_array_equal(solution.x, 0)


def test_anderson_converges_where_the_plain_map_does_not():
    lower = lower_level(Denoising(), UntiedExperts.initial(SHAPE, 0))
    budget = Budget(500, 1e-10, 10)
    assert int(solved(Picard(step_scale=5.0), budget, lower).status) != Outcome.CONVERGED
    expected = solved(Picard(), TIGHT, lower).x
    for solver in (Anderson(step_scale=5.0), Broyden(step_scale=5.0)):
        solution = solved(solver, budget, lower)
        assert int(solution.status) == Outcome.CONVERGED
        np.testing.assert_allclose(solution.x, expected, atol=1e-8)


def test_the_safeguard_takes_the_plain_step():
    """With a safeguard that no point meets, every other step is the map's own, from the last one kept."""
    lower = lower_level(Denoising(), UntiedExperts.initial(SHAPE, 0))
    for solver in (Anderson(safeguard=1e-300), Broyden(safeguard=1e-300)):
        state = solver.init(lower)
        plain = Picard().init(lower)
        for step in range(9):
            state = solver.step(lower, state)
            if step % 2 == 0:
                plain = Picard().step(lower, plain)
            np.testing.assert_allclose(state.at.x, plain.x, atol=1e-13)


def test_broyden_solves_a_linear_system_in_twice_its_dimension():
    """Gay (1979): Broyden's method ends after 2n steps on n linear equations; here in exact memory."""
    n = 5
    matrix = jnp.asarray(np.eye(n) + 0.4 * np.random.default_rng(3).normal(size=(n, n)) / n**0.5)
    lower = LowerLevel(Dense(matrix), jnp.ones(n), Ridge(jnp.asarray(0.1)))
    solution = solved(Broyden(safeguard=1e6), Budget(2 * n + 1, 0.0, 1), lower)
    assert float(solution.residual) < 1e-12


def test_the_residual_is_the_operators_norm_or_the_scaled_move():
    x = jnp.asarray(np.random.default_rng(0).normal(size=SHAPE))
    lower = lower_level(Inpainting(), UntiedExperts.initial(SHAPE, 0))
    scale = float(jnp.linalg.norm(lower.A.adjoint(lower.y)))
    expected = float(jnp.linalg.norm(lower.operator(x))) / scale
    for tau in (0.1, 3.0):
        assert float(fixed_point_residual(lower, x, jnp.asarray(tau))) == pytest.approx(expected, rel=1e-12)
    ridge = LowerLevel(lower.A, lower.y, Ridge(jnp.asarray(0.5)))
    moved = (x - 0.3 * ridge.data_gradient(x)) / (1 + 0.3 * 0.5)
    expected = float(jnp.linalg.norm(moved - x)) / (0.3 * scale)
    assert float(fixed_point_residual(ridge, x, jnp.asarray(0.3))) == pytest.approx(expected, rel=1e-12)


def test_they_say_why_they_do_not_apply():
    l1 = LowerLevel(Identity(), jnp.ones(5), AnalysisL1.initial((5,), 0))
    untied = lower_level(Denoising(), UntiedExperts.initial(SHAPE, 0))
    nothing = (
        "AnalysisL1 offers neither gradient, operator nor prox, so that there is no forward-backward map"
    )
    reasons = {(solver, l1): nothing for solver in (*MAPS, *ENERGIES)} | {
        (solver, untied): "UntiedExperts has no energy, and this solver compares energies"
        for solver in ENERGIES
    }
    reasons[Nesterov(), untied] = "UntiedExperts has no energy, and this solver follows an energy's gradient"
    for (solver, lower), reason in reasons.items():
        assert solver.supports(lower) == reason


WRONG = {
    "no step": (lambda: Picard(step_scale=0.0), "step_scale must be positive; got 0.0"),
    "no memory": (lambda: Anderson(memory=0), "memory must be at least 1; got 0"),
    "no memory for updates": (lambda: Broyden(memory=0), "memory must be at least 1; got 0"),
    "a negative ridge": (lambda: Anderson(ridge=-1.0), "ridge must be at least 0"),
    "no safeguard": (lambda: Broyden(safeguard=0.0), "safeguard must be positive; got 0.0"),
    "too much decrease": (lambda: ForwardBackward(decrease=0.5), r"decrease must be in \(0, 1/2\); got 0.5"),
    "never forgetting": (lambda: NonmonotoneAcceleratedGradient(forgetting=1.0), "forgetting must be in"),
    "no decrease": (lambda: NonmonotoneAcceleratedGradient(decrease=0.0), "decrease must be positive"),
}


@pytest.mark.parametrize(("build", "message"), WRONG.values(), ids=WRONG)
def test_limits_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
