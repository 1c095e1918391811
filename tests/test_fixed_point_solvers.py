"""Solvers of fixed points: one solution for all, energies that fall, maps that do not contract."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    Dense,
    FieldsOfExperts,
    Identity,
    Inpainting,
    Lorentzian,
    LowerLevel,
    Photographs,
    UntiedExperts,
    measure,
    pytree,
)
from hypergrad_bench.solvers import (
    Anderson,
    Broyden,
    Budget,
    ForwardBackward,
    GradientDescent,
    MapSolver,
    Nesterov,
    NonmonotoneAcceleratedGradient,
    Outcome,
    Picard,
    Solution,
    fixed_point_residual,
    solve,
)

SHAPE = (12, 12)
TASKS = [Denoising(), Inpainting(), Deconvolution()]
TIGHT = Budget(20_000, 1e-12, 10)
MAPS = [Picard(), Anderson(), Broyden()]
ENERGIES = [ForwardBackward(), NonmonotoneAcceleratedGradient()]


@partial(jax.jit, static_argnums=(0, 1))
def _solve(solver: object, budget: Budget, lower: LowerLevel) -> Solution:
    return solve(solver, budget, lower)


def _lower(task, regularizer, shape=SHAPE, seed: int = 0) -> LowerLevel:
    A, y = measure(task, Photographs().sample(shape, 1, seed), seed)
    return LowerLevel(A, y[0], regularizer)


def _times(regularizer, factor: float):
    return dataclasses.replace(regularizer, weights=factor * regularizer.weights)


@pytree
class Ridge:
    """Half a squared norm that is known by its prox, and by its value if it is said to have one."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a half."""
        del shape, seed
        return cls(jnp.asarray(0.5))

    def value(self, x):
        """Evaluate."""
        return 0.5 * self.weight * jnp.sum(jnp.square(x))

    def prox(self, x, step):
        """Shrink."""
        return x / (1 + step * self.weight)


@pytree
class Soft:
    """An l1 norm, by its prox and value."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a tenth."""
        del shape, seed
        return cls(jnp.asarray(0.1))

    def value(self, x):
        """Evaluate."""
        return self.weight * jnp.sum(jnp.abs(x))

    def prox(self, x, step):
        """Shrink towards zero."""
        return jnp.sign(x) * jnp.maximum(jnp.abs(x) - step * self.weight, 0)


@pytree
class Denoiser:
    """A linear map in place of a prox, which is none: it has no energy and does not see the step."""

    matrix: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start with a contraction that is not symmetric."""
        draw = np.random.default_rng(seed).normal(size=(shape[0], shape[0]))
        return cls(jnp.asarray(0.6 * draw / np.linalg.norm(draw, 2)))

    def prox(self, x, step):
        """Multiply."""
        del step
        return self.matrix @ x


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("make", [FieldsOfExperts, UntiedExperts], ids=lambda one: one.__name__)
def test_all_reach_one_fixed_point(make, task):
    lower = _lower(task, make.initial(SHAPE, 0))
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
    x = _solve(Picard(), Budget(20_000, 1e-6, 10), lower).x
    for _ in range(4):
        x = newton(x)
    assert float(jnp.linalg.norm(lower.operator(x))) < 1e-13 * 12
    for solver in MAPS + (ENERGIES if make is FieldsOfExperts else []):
        solution = _solve(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, x, atol=1e-9, err_msg=repr(solver))


def test_a_quadratic_prox_has_its_closed_form():
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(6, 8)))
    y = jnp.asarray(np.random.default_rng(1).normal(size=6))
    lower = LowerLevel(Dense(matrix), y, Ridge(jnp.asarray(0.5)))
    expected = np.linalg.solve(matrix.T @ matrix + 0.5 * np.eye(8), matrix.T @ y)
    for solver in (*MAPS, *ENERGIES, Picard(step_scale=1.9)):
        solution = _solve(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, expected, atol=1e-10, err_msg=repr(solver))


def test_soft_thresholding_of_an_l1_norm():
    y = jnp.asarray(np.random.default_rng(1).normal(size=20))
    lower = LowerLevel(Identity(), y, Soft(jnp.asarray(0.3)))
    expected = np.sign(y) * np.maximum(np.abs(y) - 0.3, 0)
    for solver in (Picard(step_scale=0.5), Anderson(), Broyden(), *ENERGIES):
        solution = _solve(solver, TIGHT, lower)
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
        solution = _solve(solver, TIGHT, lower)
        assert int(solution.status) == Outcome.CONVERGED, solver
        np.testing.assert_allclose(solution.x, expected, atol=1e-10, err_msg=repr(solver))
        assert solver.supports(lower) is None
    assert ForwardBackward().supports(lower) == "Denoiser has no energy, and this solver compares energies"


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("potential", [None, Lorentzian()], ids=repr)
@pytest.mark.parametrize("step_scale", [4.0, 100.0])
def test_energies_fall_under_backtracking_on_photographs(task, potential, step_scale):
    shape, count = (48, 48), 6
    regularizer = FieldsOfExperts.initial(shape, 0)
    if potential is not None:
        regularizer = dataclasses.replace(regularizer, potential=potential)
    A, ys = measure(task, Photographs().sample(shape, count, 0, "test"), 0)
    solver = ForwardBackward(step_scale=step_scale)

    def energies(y: jax.Array) -> tuple[jax.Array, jax.Array]:
        lower = LowerLevel(A, y, regularizer)

        def advance(state, _):
            after = solver.step(lower, state)
            return after, (lower.value(after.x), after.step_size)

        first = solver.init(lower)
        _, (values, sizes) = jax.lax.scan(advance, first, length=150)
        return jnp.concatenate([lower.value(first.x)[None], values]), sizes

    values, sizes = map(np.asarray, jax.jit(jax.vmap(energies))(ys))
    rises = np.diff(values, axis=1) / values[:, :1]
    assert rises.max() <= 1e-14
    assert np.all(values[:, -1] < values[:, 0])
    assert np.all(np.diff(sizes, axis=1) <= 0)
    if step_scale == 100.0:
        # Otherwise nothing was halved, and the test would say nothing of the backtracking.
        assert np.all(sizes[:, -1] < sizes.max())


def test_the_search_finds_a_step_though_the_stated_constant_is_wrong():
    lower = _lower(Denoising(), _times(FieldsOfExperts.initial(SHAPE, 0), 20.0))
    bold = ForwardBackward(step_scale=1e6)
    solution = _solve(bold, Budget(20_000, 1e-10, 10), lower)
    assert int(solution.status) == Outcome.CONVERGED
    np.testing.assert_allclose(solution.x, _solve(Nesterov(), TIGHT, lower).x, atol=1e-7)


@pytest.mark.parametrize("shape", [SHAPE, (48, 48)])
def test_the_contraction_factor_is_that_of_the_map(shape):
    lower = _lower(Denoising(), UntiedExperts.initial(shape, 0), shape)
    solution = _solve(Picard(), Budget(20_000, 1e-11, 20), lower)
    if shape == SHAPE:
        tau = solution.state.step_size
        jacobian = np.eye(144) - float(tau) * np.reshape(jax.jacobian(lower.operator)(solution.x), (144, 144))
        expected = np.max(np.abs(np.linalg.eigvals(jacobian)))
        assert float(solution.contraction) == pytest.approx(expected, abs=0.02)
    assert 0.3 < float(solution.contraction) < 0.99
    accelerated = _solve(Anderson(), Budget(20_000, 1e-11, 10), lower)
    assert float(accelerated.contraction) < float(solution.contraction)
    assert accelerated.steps < solution.steps


def test_a_linear_map_contracts_at_its_rate_exactly():
    lower = LowerLevel(Identity(), jnp.ones(3), Ridge(jnp.asarray(0.25)))
    # x+ = (x - tau (x - 1)) / (1 + tau / 4), tau = 1/2: one eigenvalue, 0.5 / 1.125.
    solution = _solve(Picard(step_scale=0.5), Budget(1000, 1e-10, 7), lower)
    assert float(solution.contraction) == pytest.approx(0.5 / 1.125, rel=1e-6)
    assert (
        _solve(Nesterov(), TIGHT, _lower(Denoising(), FieldsOfExperts.initial(SHAPE, 0))).contraction is None
    )


NOT_CONTRACTING = {
    "a large step": (Picard(step_scale=50.0), 1.0, Denoising()),
    "a very large step": (Picard(step_scale=1e5), 1.0, Denoising()),
    "a step beyond twice the inverse constant": (Picard(step_scale=20.0), 1.0, Deconvolution()),
    "a large weight and a step that forgets it": (Picard(step_scale=8.0), 100.0, Inpainting()),
}


@pytest.mark.parametrize(("solver", "factor", "task"), NOT_CONTRACTING.values(), ids=NOT_CONTRACTING)
@pytest.mark.parametrize("make", [FieldsOfExperts, UntiedExperts], ids=lambda one: one.__name__)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("every", [10, 50])
def test_a_map_that_does_not_contract_is_never_converged(make, solver, factor, task, dtype, every):
    lower = _lower(task, _times(make.initial(SHAPE, 0), factor))
    lower = jax.tree.map(lambda leaf: leaf.astype(dtype), lower)
    solution = _solve(solver, Budget(400, 1e-5, every), lower)
    assert int(solution.status) in (Outcome.DIVERGED, Outcome.MAX_STEPS)
    if int(solution.status) == Outcome.DIVERGED:
        assert int(solution.steps) < 400
        assert not float(solution.contraction) < 1
    if solver.step_scale >= 50:
        assert int(solution.status) == Outcome.DIVERGED


def test_growth_beyond_all_numbers_is_divergence_and_nan_in_the_data_is_not():
    lower = _lower(Denoising(), UntiedExperts.initial(SHAPE, 0))
    solution = _solve(Picard(step_scale=1e30), Budget(400, 1e-6, 50), lower)
    assert not np.isfinite(solution.x).all()
    assert int(solution.status) == Outcome.DIVERGED
    poisoned = jax.tree.map(lambda leaf: leaf * jnp.nan, lower)
    for solver in MAPS:
        solution = _solve(solver, Budget(400, 1e-6, 50), poisoned)
        assert int(solution.status) == Outcome.NOT_FINITE
        assert int(solution.steps) == 50


def test_a_start_that_is_the_solution_takes_no_step():
    lower = _lower(Denoising(), UntiedExperts.initial(SHAPE, 0))
    solution = _solve(Picard(), TIGHT, lower.replace(y=jnp.zeros_like(lower.y)))
    assert int(solution.steps) == 0
    assert int(solution.status) == Outcome.CONVERGED
    np.testing.assert_array_equal(solution.x, 0)


def test_members_of_a_batch_diverge_alone():
    lower = _lower(Denoising(), UntiedExperts.initial(SHAPE, 0))
    weights = jnp.stack([lower.regularizer.weights, 2e3 * lower.regularizer.weights])
    tau = Picard().init(lower).step_size

    @pytree
    class Held:
        """Untied experts whose stated constant does not follow the weights."""

        experts: UntiedExperts

        @classmethod
        def initial(cls, shape, seed):
            """Start."""
            return cls(UntiedExperts.initial(shape, seed))

        def operator(self, x):
            """Evaluate."""
            return self.experts.operator(x)

        def lipschitz(self, shape):
            """Return a constant."""
            del shape
            return 1 / tau - 1

    def one(weights):
        held = Held(dataclasses.replace(lower.regularizer, weights=weights))
        return solve(Picard(), Budget(300, 1e-8, 10), lower.replace(regularizer=held))

    solutions = jax.jit(jax.vmap(one))(weights)
    assert int(solutions.status[0]) == Outcome.CONVERGED
    assert int(solutions.status[1]) in (Outcome.DIVERGED, Outcome.MAX_STEPS)
    np.testing.assert_allclose(solutions.x[0], _solve(Picard(), Budget(300, 1e-8, 10), lower).x, atol=1e-12)


def test_anderson_converges_where_the_plain_map_does_not():
    lower = _lower(Denoising(), UntiedExperts.initial(SHAPE, 0))
    budget = Budget(500, 1e-10, 10)
    assert int(_solve(Picard(step_scale=5.0), budget, lower).status) != Outcome.CONVERGED
    expected = _solve(Picard(), TIGHT, lower).x
    for solver in (Anderson(step_scale=5.0), Broyden(step_scale=5.0)):
        solution = _solve(solver, budget, lower)
        assert int(solution.status) == Outcome.CONVERGED
        np.testing.assert_allclose(solution.x, expected, atol=1e-8)


def test_the_safeguard_takes_the_plain_step():
    """With a safeguard that no point meets, every other step is the map's own, from the last one kept."""
    lower = _lower(Denoising(), UntiedExperts.initial(SHAPE, 0))
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
    solution = _solve(Broyden(safeguard=1e6), Budget(2 * n + 1, 0.0, 1), lower)
    assert float(solution.residual) < 1e-12


def test_the_residual_is_the_operators_norm_or_the_scaled_move():
    x = jnp.asarray(np.random.default_rng(0).normal(size=SHAPE))
    lower = _lower(Inpainting(), UntiedExperts.initial(SHAPE, 0))
    scale = float(jnp.linalg.norm(lower.A.adjoint(lower.y)))
    expected = float(jnp.linalg.norm(lower.operator(x))) / scale
    for tau in (0.1, 3.0):
        assert float(fixed_point_residual(lower, x, jnp.asarray(tau))) == pytest.approx(expected, rel=1e-12)
    ridge = LowerLevel(lower.A, lower.y, Ridge(jnp.asarray(0.5)))
    moved = (x - 0.3 * ridge.data_gradient(x)) / (1 + 0.3 * 0.5)
    expected = float(jnp.linalg.norm(moved - x)) / (0.3 * scale)
    assert float(fixed_point_residual(ridge, x, jnp.asarray(0.3))) == pytest.approx(expected, rel=1e-12)


def test_only_solvers_of_maps_report_a_contraction():
    maps = {
        type(one) for one in (*MAPS, *ENERGIES, Nesterov(), GradientDescent()) if isinstance(one, MapSolver)
    }
    assert maps == {Picard, Anderson, Broyden, ForwardBackward}


def test_they_say_why_they_do_not_apply():
    l1 = LowerLevel(Identity(), jnp.ones(5), AnalysisL1.initial((5,), 0))
    untied = _lower(Denoising(), UntiedExperts.initial(SHAPE, 0))
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
