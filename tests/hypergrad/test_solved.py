"""What a backward pass starts from crosses JAX's transformations, settings that are arrays with it."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import (
    Checked,
    ClosedForm,
    Implicit,
    MethodTraits,
    OneStep,
    Solved,
    hypergradient,
    is_warm,
)
from hypergrad_bench.problems import AnalysisL1, Dense, Identity, LowerLevel
from hypergrad_bench.solvers import Admm, Budget, DualFista, solve

W = Dense(jnp.asarray(np.random.default_rng(0).normal(size=(5, 6))))
Y = jnp.asarray(np.random.default_rng(1).normal(size=(2, 6)))


def solved(y: jax.Array, solver: Any, tolerance: Any = 1e-10) -> Solved:
    """An l1 problem and its solution."""
    lower, budget = LowerLevel(Identity(), y, AnalysisL1(W, jnp.asarray(0.1))), Budget(3000, tolerance)
    return Solved(solver, budget, lower, solve(solver, budget, lower))


def slope(one: Solved) -> jax.Array:
    """The gradient of sum(x^2) by y."""
    return ClosedForm().backward(one, 2 * one.x)[0].y


def test_it_crosses_jit_and_vmap() -> None:
    """As an argument and as a result, alone and in a batch."""
    found = jax.jit(lambda y: solved(y, DualFista()))(Y[0])
    assert found.solver == DualFista()
    assert found.budget == Budget(3000, 1e-10)
    alone = jax.jit(slope)(found)
    batch = jax.vmap(slope)(jax.vmap(lambda y: solved(y, DualFista()))(Y))
    np.testing.assert_allclose(batch[0], alone, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(found.x, found.solution.x)
    np.testing.assert_array_equal(found.dual, found.solution.state.u)


def test_settings_that_are_arrays_are_leaves() -> None:
    """A penalty and a tolerance are traced with it; numbers are structure."""
    given = solved(Y[0], Admm(rho=jnp.asarray(9.0)), jnp.asarray(1e-8))
    names = {jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(given)}
    assert {".solver.rho", ".budget.tolerance", ".lower.y"} <= names
    doubled = jax.tree.map(lambda leaf: leaf, given)
    assert float(doubled.solver.rho) == 9.0
    numbers = jax.tree_util.tree_leaves_with_path(solved(Y[0], Admm()))
    assert not any("solver" in jax.tree_util.keystr(path) for path, _ in numbers)


class Plain:
    """A solver that is no pytree: a class that a user wrote."""

    traits, supports, init = DualFista.traits, DualFista.supports, DualFista.init
    step, iterate, residual = DualFista.step, DualFista.iterate, DualFista.residual


def test_a_solver_that_is_no_pytree_is_structure() -> None:
    """JAX looks at nothing of it."""
    given = solved(Y[0], DualFista())
    plain = Plain()
    one = Solved(plain, Budget(), given.lower, given.solution)
    assert jax.tree.map(lambda leaf: leaf, one).solver is plain
    assert jax.jit(lambda one: one.x.sum())(one) == given.x.sum()


class Cold:
    """An adjoint rule with a start among its arguments that it does not use, and says so."""

    traits = MethodTraits(adjoint_can_start=False)

    def supports(self, solver: Any, lower: Any) -> None:
        """Support everything."""

    def __call__(self, solver: Any, budget: Any, lower: Any, start: Any = None) -> Any:
        """Solve the lower level."""
        return ClosedForm()(solver, budget, lower, start)

    def backward(self, solved: Any, cotangent: Any, start: Any = None) -> Any:
        """Leave the start out."""
        return ClosedForm().backward(solved, cotangent)


def test_who_starts_from_a_guess_says_so() -> None:
    """By a trait, not by the names of its methods; others refuse a guess."""
    assert is_warm(Implicit())
    assert not any(is_warm(one) for one in (Cold(), ClosedForm(), OneStep(), Checked()))
    guess, lower = jnp.zeros(6), solved(Y[0], DualFista()).lower
    with pytest.raises(ValueError, match="no adjoint equation that could start from a guess"):
        hypergradient(Cold(), DualFista(), Budget(), lower, jnp.sum, adjoint_start=guess)
