"""Linear solvers that break a contract are found."""

import jax.numpy as jnp
import pytest

from findings import failed
from hypergrad_bench.bench.conformance.linear_solvers import check_linear_solver
from hypergrad_bench.problems import configuration
from hypergrad_bench.solvers import (
    Cg,
    Dense,
    LinearSolution,
    LinearSolverTraits,
)


@configuration
class Careless:
    """A linear solver that stops at an absolute tolerance and reports success."""

    traits = LinearSolverTraits()

    def solve_linear(self, matvec, rhs, *, start=None, preconditioner=None):
        """Take a few gradient steps unless the right-hand side is small."""
        value = Dense().solve_linear(matvec, rhs).value
        small = jnp.max(jnp.abs(rhs)) < 1e-6
        return LinearSolution(
            jnp.where(small, jnp.zeros_like(value), 1.01 * value),
            jnp.zeros((), rhs.dtype),
            jnp.ones((), jnp.int32),
        )


def test_a_linear_solver_that_does_not_conform() -> None:
    """A wrong solution, a residual that is not its own, and nothing for a tiny right-hand side."""
    found = failed(check_linear_solver("linear", Careless()))
    assert {"solution, float64", "honest residual, float64", "scales with a tiny right-hand side"} <= found


@configuration
class Misled:
    """A direct solve with one contract broken, whichever `broken` names."""

    broken: str = ""
    traits: LinearSolverTraits = LinearSolverTraits()

    def solve_linear(self, matvec, rhs, *, start=None, preconditioner=None):
        """Solve: by an iteration for symmetric systems, or past what its hints say."""
        solver = Cg() if self.broken == "symmetric" else Dense()
        found = solver.solve_linear(matvec, rhs)
        if self.broken == "start" and start is not None:
            found = found._replace(value=found.value + 1e-3 * start, steps=found.steps + 1)
        if self.broken == "preconditioner" and preconditioner is not None:
            found = found._replace(value=preconditioner(rhs))
        if self.broken == "rough":
            value = 1.01 * found.value
            left = matvec(value) - rhs
            found = found._replace(value=value, residual=_norm(left) / jnp.maximum(_norm(rhs), 1e-300))
        return found


def _norm(v):
    return jnp.linalg.norm(v.ravel())


HINTS = ("start at the solution", "preconditioner")


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        (Misled(), set()),
        (Misled("symmetric"), {"nonsymmetric system"}),
        (Misled("symmetric", LinearSolverTraits(symmetric_only=True)), set()),
        (
            Misled("start"),
            {"start far away", "start at the solution", *(f"{hint} costs no step" for hint in HINTS)},
        ),
        (Misled("preconditioner"), {"start far away", *HINTS}),
        (Misled("rough", LinearSolverTraits(exact=False)), set()),
    ],
    ids=lambda one: repr(one) if isinstance(one, Misled) else None,  # sets have no fixed order
)
def test_linear_solvers_that_break_one_contract(solver, expected) -> None:
    """What a solver says of itself is what it is held to."""
    assert failed(check_linear_solver("linear", solver)) == expected
