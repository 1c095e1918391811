"""The interior-point method: the central path ends at the certified solution, from every start."""

from functools import partial

import jax
import jax.numpy as jnp
import l1_problems
import numpy as np
import pytest

from hypergrad_bench.problems import (
    AnalysisL1,
    Deconvolution,
    Denoising,
    FilterBank,
    Identity,
    Inpainting,
    LowerLevel,
    Mask,
    total_variation,
)
from hypergrad_bench.solvers import ActiveSet, Budget, InteriorPoint, PrimalDualPair, Solution, solve

TASKS = (Denoising(), Inpainting(), Deconvolution())
PROBLEMS = {
    **{f"signal, {task!r}": partial(l1_problems.signal, task, 0) for task in TASKS},
    **{f"image, {task!r}": partial(l1_problems.image, task, 0, task.noise / 5) for task in TASKS},
    "matrices 40x64": partial(l1_problems.random, (40, 64, 70), 5),
}


@partial(jax.jit, static_argnums=0)
def _solve(solver: object, lower: LowerLevel, start: PrimalDualPair | None = None) -> Solution:
    return solve(solver, Budget(40, 1e-11), lower, start)


@pytest.mark.parametrize("name", PROBLEMS)
def test_it_ends_at_the_certified_solution_in_few_steps(name):
    lower = PROBLEMS[name]()
    found, certified = _solve(InteriorPoint(), lower), _solve(ActiveSet(), lower)
    assert float(found.residual) <= 1e-11
    assert int(found.steps) <= 30
    np.testing.assert_allclose(found.x, certified.x, atol=1e-8)


def test_the_dual_variable_stays_within_its_bounds_and_the_parts_positive():
    lower, solver = PROBLEMS["image, Inpainting()"](), InteriorPoint()
    state, step = solver.init(lower), jax.jit(solver.step)
    weight = lower.regularizer.weight_like(state.point.u)
    for _ in range(30):
        state = step(lower, state)
        assert bool(jnp.all(jnp.abs(state.point.u) <= weight))
        for part in state.point[2:]:
            assert bool(jnp.all(part > 0))


def test_it_starts_from_a_pair_on_the_bounds():
    lower = PROBLEMS["image, Denoising()"]()
    certified = _solve(ActiveSet(), lower)
    found = _solve(InteriorPoint(), lower, PrimalDualPair(certified.x, certified.state.u))
    np.testing.assert_allclose(found.x, certified.x, atol=1e-8)


def test_rows_without_a_weight_have_no_part_in_it():
    lower = PROBLEMS["signal, Denoising()"]()
    rows = lower.regularizer.W.matrix.shape[0]
    weight = jnp.where(jnp.arange(rows) % 3 == 0, 0.0, 0.05)
    found = _solve(InteriorPoint(), lower.replace(regularizer=AnalysisL1(lower.regularizer.W, weight)))
    assert float(found.residual) <= 1e-11
    np.testing.assert_array_equal(found.state.point.u[weight == 0], 0.0)


def test_nothing_measured_and_an_image_of_zeros():
    lower = PROBLEMS["signal, Denoising()"]()
    found = _solve(InteriorPoint(), lower.replace(y=jnp.zeros_like(lower.y)))
    np.testing.assert_allclose(found.x, 0.0, atol=1e-8)


@pytest.mark.parametrize("scale", [1e-2, 1e-6, 1e-12, 1e6])
def test_the_size_of_the_start_is_no_matter(scale):
    y = jnp.asarray(np.random.default_rng(0).normal(size=(12, 12)))
    lower = LowerLevel(Identity(), y, total_variation(0.3))
    found = _solve(InteriorPoint(), lower, PrimalDualPair(scale * y, jnp.zeros((2, 12, 12))))
    assert float(found.residual) <= 1e-11
    assert int(found.steps) <= 25


def test_a_weight_far_below_the_noise_decides_what_a_mask_hides():
    generator, shape = np.random.default_rng(0), (24, 23)
    y = np.zeros(shape)
    y[6:15, 5:17], y[3:9, 12:20] = 1.0, 0.5
    y = jnp.asarray(y + 0.1 * generator.normal(size=shape))
    differences = np.array([[[0, 0, 0], [0, -1, 1], [0, 0, 0]], [[0, 0, 0], [0, -1, 0], [0, 1, 0]]])
    W = FilterBank(jnp.asarray(differences + 0.05 * generator.normal(size=(2, 3, 3))), "reflect")
    mask = Mask(jnp.asarray((generator.random(shape) < 0.7) * 1.0))
    for weight in (1e-4, 1e-6, 1e-8):
        found = _solve(InteriorPoint(), LowerLevel(mask, y, AnalysisL1(W, jnp.asarray(weight))))
        assert float(found.residual) <= 1e-11
        assert int(found.steps) <= 25


def test_float32_is_refused():
    lower = PROBLEMS["signal, Denoising()"]()
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), lower)
    with pytest.raises(ValueError, match="its matrices need float64; y is float32"):
        solve(InteriorPoint(), Budget(), single)
