"""Forward-backward steps with backtracking: energies that fall."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from denoiser_problems import EXPLICIT
from fixed_point_problems import (
    MAPS,
    SHAPE,
    TASKS,
    TIGHT,
    lower_level,
    solved,
    times,
)

from hypergrad_bench.problems import (
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Lorentzian,
    LowerLevel,
    Photographs,
    measure,
)
from hypergrad_bench.solvers import (
    Budget,
    ForwardBackward,
    Nesterov,
    Outcome,
)

pytestmark = pytest.mark.optimised


def _assert_energies_fall(task, regularizer, step_scale: float, count: int, steps: int) -> None:
    """On photographs for testing: no step raises the energy, and the last is below the first."""
    shape = (32, 32)
    A, ys = measure(task, Photographs().sample(shape, count, 0, "test"), 0)
    solver = ForwardBackward(step_scale=step_scale)

    def energies(y: jax.Array) -> tuple[jax.Array, jax.Array]:
        lower = LowerLevel(A, y, regularizer)

        def advance(state, _):
            after = solver.step(lower, state)
            return after, (lower.value(after.x), after.step_size)

        first = solver.init(lower)
        _, (values, sizes) = jax.lax.scan(advance, first, length=steps)
        return jnp.concatenate([lower.value(first.x)[None], values]), sizes

    values, sizes = map(np.asarray, jax.jit(jax.vmap(energies))(ys))
    rises = np.diff(values, axis=1) / np.abs(values[:, :1])
    assert rises.max() <= 1e-14
    assert np.all(values[:, -1] < values[:, 0])
    assert np.all(np.diff(sizes, axis=1) <= 0)
    if step_scale == 100.0:
        # Otherwise nothing was halved, and the test would say nothing of the backtracking.
        assert np.all(sizes[:, -1] < sizes.max())


@pytest.mark.parametrize("task", TASKS, ids=repr)
@pytest.mark.parametrize("potential", [None, Lorentzian()], ids=repr)
@pytest.mark.parametrize("step_scale", [4.0, 100.0])
def test_energies_fall_under_backtracking_on_photographs(task, potential, step_scale):
    regularizer = FieldsOfExperts.initial((32, 32), 0)
    if potential is not None:
        regularizer = dataclasses.replace(regularizer, potential=potential)
    _assert_energies_fall(task, regularizer, step_scale, count=6, steps=150)


@pytest.mark.slow  # compiles networks
@pytest.mark.parametrize("make", EXPLICIT, ids=lambda one: one.__name__)
def test_energies_of_networks_fall_on_every_photograph_for_testing(make):
    """Crops are drawn from all four; with the shipped weights and a first step that is too large."""
    _assert_energies_fall(Deconvolution(), make.initial((32, 32), 0), 100.0, count=12, steps=40)


def test_the_search_finds_a_step_though_the_stated_constant_is_wrong():
    lower = lower_level(Denoising(), times(FieldsOfExperts.initial(SHAPE, 0), 20.0))
    bold = ForwardBackward(step_scale=1e6)
    solution = solved(bold, Budget(20_000, 1e-10, 10), lower)
    assert int(solution.status) == Outcome.CONVERGED
    np.testing.assert_allclose(solution.x, solved(Nesterov(), TIGHT, lower).x, atol=1e-7)


@pytest.mark.parametrize("solver", [*MAPS, ForwardBackward()], ids=repr)
def test_the_map_of_a_solver_is_a_plain_step_from_its_iterate(solver):
    """It stands for the solver's own step where that has no derivative."""
    lower = lower_level(Deconvolution(), FieldsOfExperts.initial(SHAPE, 0))
    state = solver.init(lower)
    for _ in range(3):
        state = solver.step(lower, state)
    x, tau = solver.iterate(lower, state), getattr(state, "at", state).step_size
    after = solver.apply_map(lower, state)
    expected = x - tau * lower.operator(x)
    if isinstance(solver, ForwardBackward):
        # It steps backward along the data term, whose proximal operator a blur's spectrum gives.
        forward = x - tau * lower.regularizer.gradient(x)
        expected = lower.A.resolvent(forward + tau * lower.A.adjoint(lower.y), tau)
    np.testing.assert_allclose(solver.iterate(lower, after), expected, atol=1e-14)
    if isinstance(solver, ForwardBackward):
        assert float(after.energy) == pytest.approx(float(lower.value(after.x)), rel=1e-14)
