"""Starting a solve from a pair: fewer steps to the same solution, and the same derivative."""

from functools import partial

import jax
import jax.numpy as jnp
import l1_problems
import numpy as np
import pytest

from hypergrad_bench.hypergrad import ClosedForm, Solved
from hypergrad_bench.problems import Denoising, FieldsOfExperts, Identity, LowerLevel
from hypergrad_bench.solvers import (
    ActiveSet,
    Admm,
    Budget,
    DualFista,
    GradientDescent,
    InteriorPoint,
    Lbfgs,
    Nesterov,
    NewtonCg,
    NonmonotoneAcceleratedGradient,
    Picard,
    PointSolver,
    PrimalDual,
    PrimalDualPair,
    Solution,
    solve,
)

BUDGET = Budget(50_000, 1e-11, 10)
SOLVERS = (DualFista(), PrimalDual(), Admm(), InteriorPoint())


@partial(jax.jit, static_argnums=0)
def _both(solver: object, lower: LowerLevel, near: LowerLevel) -> tuple[Solution, Solution]:
    """Solve a problem near another from that one's solution, and from zeros."""
    found = solve(solver, BUDGET, near)
    start = PrimalDualPair(found.x, solver.dual(near, found.state))
    zero = jax.tree.map(jnp.zeros_like, start)
    return solve(solver, BUDGET, lower, start), solve(solver, BUDGET, lower, zero)


@pytest.mark.parametrize("solver", SOLVERS, ids=repr)
def test_the_solution_of_a_problem_nearby_saves_steps(solver):
    lower = l1_problems.signal(Denoising(), 0)
    warm, cold = _both(solver, lower.replace(y=lower.y * (1 + 1e-6)), lower)
    np.testing.assert_allclose(warm.x, cold.x, atol=1e-9)
    assert int(warm.steps) < int(cold.steps)


@pytest.mark.parametrize(
    "solver",
    [GradientDescent(), Nesterov(), NonmonotoneAcceleratedGradient(), Lbfgs(), NewtonCg()],
    ids=repr,
)
def test_a_start_at_a_point_is_there_for_whatever_lower_level(solver):
    """Its state belongs to the lower level that is given, not to the one whose solution x was."""
    assert isinstance(solver, PointSolver)
    experts = FieldsOfExperts.initial((5, 5), 0)
    lower = LowerLevel(Identity(), jnp.linspace(0, 1, 25).reshape(5, 5), experts)
    begun = solver.init_at_point(lower, 2 * solver.iterate(lower, solver.init(lower)))
    np.testing.assert_array_equal(solver.iterate(lower, begun), 2 * lower.y)
    np.testing.assert_allclose(
        solver.residual(lower, begun),
        jnp.linalg.norm(lower.gradient(2 * lower.y)) / jnp.linalg.norm(lower.y),
        rtol=1e-12,
    )
    stronger = lower.replace(regularizer=FieldsOfExperts(experts.filters, 4 * experts.weights))
    assert float(solver.init_at_point(stronger, lower.y).step_size) < float(begun.step_size)


@pytest.mark.parametrize("solver", [DualFista(), PrimalDual()], ids=repr)
def test_a_dual_variable_out_of_bounds_is_moved_into_them(solver):
    lower = l1_problems.signal(Denoising(), 0)
    state = solver.init_at(lower, PrimalDualPair(lower.y, jnp.linspace(-1, 1, 15)))
    np.testing.assert_allclose(
        solver.dual(lower, state), np.clip(np.linspace(-1, 1, 15), -0.1, 0.1), atol=1e-15
    )


def test_a_solver_without_a_dual_variable_says_so():
    smooth = LowerLevel(Identity(), jnp.ones((6, 6)), FieldsOfExperts.initial((6, 6), 0))
    with pytest.raises(
        ValueError, match=r"GradientDescent\(\) cannot start from a pair \(x, u\): it has no dual"
    ):
        solve(GradientDescent(), Budget(), smooth, PrimalDualPair(smooth.y, smooth.y))


def test_a_start_at_x_alone_saves_steps_or_is_refused():
    smooth = LowerLevel(Identity(), jnp.linspace(0, 1, 25).reshape(5, 5), FieldsOfExperts.initial((5, 5), 0))
    run = jax.jit(lambda lower, start: solve(Lbfgs(), BUDGET, lower, start))
    cold = run(smooth, smooth.y)
    warm = run(smooth.replace(y=smooth.y * (1 + 1e-6)), cold.x)
    np.testing.assert_allclose(warm.x, cold.x, atol=1e-5)
    assert 0 < int(warm.steps) < int(cold.steps)
    with pytest.raises(ValueError, match=r"Picard\(\) cannot start from x alone: leave the start out"):
        solve(Picard(), BUDGET, smooth, smooth.y)
    with pytest.raises(ValueError, match=r"DualFista\(\) cannot start from x alone: give a pair \(x, u\)"):
        solve(DualFista(), BUDGET, l1_problems.signal(Denoising(), 0), jnp.zeros(16))


def test_the_gradient_does_not_depend_on_the_start():
    lower = l1_problems.signal(Denoising(), 0)
    ys = jnp.stack([lower.y, lower.y[::-1] ** 2])
    pair = PrimalDualPair(jnp.stack([jnp.zeros(16), lower.y]), jnp.zeros((2, 15)))

    def loss(start: PrimalDualPair | None, y: jax.Array) -> jax.Array:
        found = ClosedForm()(DualFista(), BUDGET, lower.replace(y=y), start)
        return jnp.sum(jnp.sin(3 * found.x))

    from_pair, by_start = jax.jit(jax.vmap(jax.grad(loss, (1, 0))))(pair, ys)
    without = jax.jit(jax.vmap(jax.grad(partial(loss, None))))(ys)
    np.testing.assert_allclose(from_pair, without, atol=1e-9)
    assert float(jnp.max(jnp.abs(without))) > 0.1
    assert not any(np.any(leaf) for leaf in by_start)


def test_a_solve_that_is_differentiated_starts_from_the_pair():
    lower = l1_problems.signal(Denoising(), 0)

    def loss(y: jax.Array, start: PrimalDualPair) -> tuple[jax.Array, Solution]:
        found = ClosedForm()(DualFista(), BUDGET, lower.replace(y=y), start)
        return jnp.sum(found.x), found

    differentiated = jax.jit(jax.grad(loss, has_aux=True))
    cold = differentiated(lower.y, PrimalDualPair(lower.y, jnp.zeros(15)))[1]
    warm = differentiated(lower.y, PrimalDualPair(cold.x, cold.state.u))[1]
    assert int(warm.steps) == BUDGET.check_every < int(cold.steps)


def _iterate(steps: int, lower: LowerLevel) -> jax.Array:
    """The iterate after so many steps, in a form that forward mode crosses."""
    solver = PrimalDual()
    state = jax.lax.scan(lambda s, _: (solver.step(lower, s), None), solver.init(lower), length=steps)[0]
    return solver.iterate(lower, state)


def test_the_slope_of_an_iterate_is_not_the_slope_of_the_solution():
    lower = l1_problems.image(Denoising(), 3)
    filters = lower.regularizer.W.filters
    generator = np.random.default_rng(1)
    direction = generator.normal(size=(6, *filters.shape))[0]
    cotangent = jnp.asarray(generator.normal(size=(12, 12)))
    direction = jnp.asarray(direction / np.linalg.norm(direction))

    def moved(step: jax.Array) -> LowerLevel:
        return jax.tree.map(
            lambda leaf: leaf + step * direction if leaf.shape == filters.shape else leaf, lower
        )

    def loss(step: jax.Array) -> jax.Array:
        return jnp.vdot(cotangent, _iterate(2000, moved(step)))

    value_and_slope = jax.jit(lambda step: jax.jvp(loss, (step,), (jnp.ones(()),)))
    slope = float(value_and_slope(jnp.zeros(()))[1])
    step = 1e-9
    ahead, behind = (float(value_and_slope(jnp.asarray(h))[0]) for h in (step, -step))
    # Automatic differentiation and differences agree on the iterate,
    assert (ahead - behind) / (2 * step) == pytest.approx(slope, rel=1e-3)

    @jax.jit
    def exact(lower: LowerLevel) -> tuple[Solution, jax.Array]:
        found = solve(ActiveSet(), Budget(40, 1e-13), lower)
        gradient, _ = ClosedForm().backward(Solved(ActiveSet(), Budget(), lower, found), cotangent)
        return found, jnp.vdot(gradient.regularizer.W.filters, direction)

    found, certified = exact(lower)
    assert bool(found.certificate.certified)
    # and the iterate is close to the solution, but its slope is another.
    assert float(jnp.max(jnp.abs(found.x - jax.jit(partial(_iterate, 2000))(lower)))) <= 1e-3
    assert abs(slope / float(certified) - 1) >= 0.5, (slope, float(certified))
