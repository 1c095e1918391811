"""The contraction factor that a solve reports, and maps that do not contract."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from fixed_point_problems import (
    ENERGIES,
    MAPS,
    SHAPE,
    TIGHT,
    Ridge,
    lower_level,
    solved,
    times,
)

from hypergrad_bench.problems import (
    Deconvolution,
    Denoising,
    FieldsOfExperts,
    Identity,
    Inpainting,
    LowerLevel,
    UntiedExperts,
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
    Outcome,
    Picard,
    solve,
)


@pytest.mark.parametrize("shape", [SHAPE, (48, 48)])
def test_the_contraction_factor_is_that_of_the_map(shape):
    lower = lower_level(Denoising(), UntiedExperts.initial(shape, 0), shape)
    solution = solved(Picard(), Budget(20_000, 1e-11, 20), lower)
    if shape == SHAPE:
        tau = solution.state.step_size
        jacobian = np.eye(144) - float(tau) * np.reshape(jax.jacobian(lower.operator)(solution.x), (144, 144))
        expected = np.max(np.abs(np.linalg.eigvals(jacobian)))
        assert float(solution.contraction) == pytest.approx(expected, abs=0.02)
    assert 0.3 < float(solution.contraction) < 0.99
    accelerated = solved(Anderson(), Budget(20_000, 1e-11, 10), lower)
    assert float(accelerated.contraction) < float(solution.contraction)
    assert accelerated.steps < solution.steps


def test_a_linear_map_contracts_at_its_rate_exactly():
    lower = LowerLevel(Identity(), jnp.ones(3), Ridge(jnp.asarray(0.25)))
    # x+ = (x - tau (x - 1)) / (1 + tau / 4), tau = 1/2: one eigenvalue, 0.5 / 1.125.
    solution = solved(Picard(step_scale=0.5), Budget(1000, 1e-10, 7), lower)
    assert float(solution.contraction) == pytest.approx(0.5 / 1.125, rel=1e-6)
    assert (
        solved(Nesterov(), TIGHT, lower_level(Denoising(), FieldsOfExperts.initial(SHAPE, 0))).contraction
        is None
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
    lower = lower_level(task, times(make.initial(SHAPE, 0), factor))
    lower = jax.tree.map(lambda leaf: leaf.astype(dtype), lower)
    solution = solved(solver, Budget(400, 1e-5, every), lower)
    assert int(solution.status) in (Outcome.DIVERGED, Outcome.MAX_STEPS)
    if int(solution.status) == Outcome.DIVERGED:
        assert int(solution.steps) < 400
        assert not float(solution.contraction) < 1
    if solver.step_scale >= 50:
        assert int(solution.status) == Outcome.DIVERGED


def test_growth_beyond_all_numbers_is_divergence_and_nan_in_the_data_is_not():
    lower = lower_level(Denoising(), UntiedExperts.initial(SHAPE, 0))
    solution = solved(Picard(step_scale=1e30), Budget(400, 1e-6, 50), lower)
    assert not np.isfinite(solution.x).all()
    assert int(solution.status) == Outcome.DIVERGED
    poisoned = jax.tree.map(lambda leaf: leaf * jnp.nan, lower)
    for solver in MAPS:
        solution = solved(solver, Budget(400, 1e-6, 50), poisoned)
        assert int(solution.status) == Outcome.NOT_FINITE
        assert int(solution.steps) == 50


@pytree
class Stated:
    """Untied experts with a constant that is stated, true or not."""

    experts: UntiedExperts
    constant: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start with the true one."""
        experts = UntiedExperts.initial(shape, seed)
        return cls(experts, experts.lipschitz(shape))

    def operator(self, x):
        """Evaluate."""
        return self.experts.operator(x)

    def lipschitz(self, shape):
        """Return what is stated."""
        del shape
        return self.constant


def test_members_of_a_batch_diverge_alone():
    lower = lower_level(Denoising(), Stated.initial(SHAPE, 0))
    # With A the identity L is one more than the constant: the second step is 50 / L.
    largest = 1 + lower.regularizer.constant
    constants = jnp.stack([largest - 1, largest / 50 - 1])
    budget = Budget(300, 1e-8, 10)

    def one(constant):
        stated = dataclasses.replace(lower.regularizer, constant=constant)
        return solve(Picard(), budget, lower.replace(regularizer=stated))

    solutions = jax.jit(jax.vmap(one))(constants)
    assert list(solutions.status) == [Outcome.CONVERGED, Outcome.DIVERGED]
    np.testing.assert_allclose(solutions.x[0], solved(Picard(), budget, lower).x, atol=1e-12)


def test_only_solvers_of_maps_report_a_contraction():
    maps = {
        type(one) for one in (*MAPS, *ENERGIES, Nesterov(), GradientDescent()) if isinstance(one, MapSolver)
    }
    assert maps == {Picard, Anderson, Broyden, ForwardBackward}
