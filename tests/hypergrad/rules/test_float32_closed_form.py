"""The closed form's factorised route in float32: right, or no number at all."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import ClosedForm, Solved
from hypergrad_bench.hypergrad.l1.active_set_system import active_set_system
from hypergrad_bench.hypergrad.l1.system_solution import solve_system
from hypergrad_bench.problems import AnalysisL1, Blur, Dense, FilterBank, Identity, LowerLevel, Photographs
from hypergrad_bench.solvers import ActiveSet, Budget, solve

TRUTH = Photographs().sample((12, 12), 1, 0)[0]


def single(tree):
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf, tree
    )


@pytest.mark.parametrize(
    "A", [Identity(), Blur(jnp.asarray([[0.1, 0.2], [0.3, 0.4]]))], ids=lambda one: type(one).__name__
)
def test_it_agrees_with_float64_on_the_same_active_set(A):
    """The same certified solution, rounded: what the factorisation of that precision makes of it."""
    y = A(jnp.asarray(TRUTH)) + 0.05 * jnp.asarray(np.random.default_rng(0).normal(size=(12, 12)))
    filters = AnalysisL1.initial((12, 12), 0).W.filters[:3]
    lower = LowerLevel(A, y, AnalysisL1(FilterBank(filters), jnp.asarray(0.02)))
    solution = solve(ActiveSet(), Budget(60, 1e-12, 1), lower)
    assert bool(solution.certificate.certified)
    cotangent = solution.x - jnp.asarray(TRUTH)
    method = ClosedForm(threshold=1e-4)
    exact, _ = method.backward(Solved(ActiveSet(), Budget(), lower, solution), cotangent)
    found, account = method.backward(
        Solved(ActiveSet(), Budget(), single(lower), single(solution)), cotangent.astype(jnp.float32)
    )
    right = float(exact.regularizer.weight)
    assert right != 0
    if bool(account.converged):
        assert float(found.regularizer.weight) == pytest.approx(right, rel=1e-2)
    else:
        assert float(found.regularizer.weight) != 0


def test_a_failed_factorisation_is_no_zero():
    """A system whose factor is NaN: the solution is NaN too, and did not converge."""
    lower = LowerLevel(Dense(jnp.eye(4)), jnp.ones(4), AnalysisL1(Dense(jnp.eye(4)), jnp.asarray(0.1)))
    system = active_set_system(lower, jnp.asarray([True, False, False, False]), (4,))
    broken = system._replace(factor=jnp.full_like(system.factor, jnp.nan))
    found = solve_system(lower, broken, jnp.ones(4), jnp.zeros(4))
    assert np.isnan(found.v).all()
    assert not bool(found.converged)
    assert bool(solve_system(lower, system, jnp.ones(4), jnp.zeros(4)).converged)
