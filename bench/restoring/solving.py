"""The solve behind a restored image: who solves it, how far, and what is seen on the way."""

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import PreparedRegularizer, is_convex
from ...solvers.budget import Budget
from ...solvers.continued import continue_solve, not_begun
from ...solvers.iterations.anderson import Anderson
from ...solvers.iterations.dual_fista import DualFista
from ...solvers.iterations.nonmonotone_accelerated_gradient import NonmonotoneAcceleratedGradient
from ...solvers.iterations.primal_dual import PrimalDual
from ...solvers.solve import Ended, finish, solve
from ...solvers.solver import Outcome, Solution, Solver
from ..catalogue.catalogue import Catalogue
from ..errors import UserError
from ..failure import failure_of

PREFERRED: tuple[Solver, ...] = (
    DualFista(),
    NonmonotoneAcceleratedGradient(),
    PrimalDual(),
    Anderson(),
)
"""The first of these that supports a lower level solves it: l1 of noisy images, energies with a gradient or a
prox, other l1 problems, denoisers without an energy. None factorises, so that any size can be solved."""
MAX_STEPS = 3000
TOLERANCES = {"float64": 1e-5, "float32": 1e-4}
"""Of the relative residual of convex energies, by the precision."""
ROUGHER = 1e-4
"""The same where nothing is known to be convex: mostly networks, whose steps cost much."""
FALL = 0.75
"""A solve is looked at whenever its residual has fallen so far."""
GROWTH = 1e4

Watch = Callable[[int, float], None]
"""Is told the steps and the residual."""


def chosen_solver(lower: LowerLevel, name: str | None, catalogue: Catalogue) -> Solver:
    """Return the solver that was asked for by name, or the first preferred one that supports a lower level.

    Raises:
        UserError: if it does not support the lower level, with its reason, or none of all solvers does.
    """
    if name is not None:
        solver = catalogue.entries("solvers", [name])[0].value
        if reason := solver.supports(lower):
            raise UserError(f"--solver {name}: {reason}")
        return solver
    for solver in (*PREFERRED, *catalogue.solvers.values()):
        if solver.supports(lower) is None:
            return solver
    raise UserError(f"no solver supports it; {PREFERRED[0]!r} says: {PREFERRED[0].supports(lower)}")


def budget_for(lower: LowerLevel, max_steps: int | None, tolerance: float | None) -> Budget:
    """Return the budget that was asked for, or the one that suits regulariser and precision.

    Raises:
        UserError: for an impossible one.
    """
    usual = TOLERANCES[lower.y.dtype.name] if is_convex(lower.regularizer) else ROUGHER
    try:
        return Budget(
            MAX_STEPS if max_steps is None else max_steps, usual if tolerance is None else tolerance
        )
    except ValueError as error:
        raise UserError(str(error)) from error


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Let what a plug-in raises in a solve, or JAX for want of memory, be a sentence."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"the solve failed: {failure_of(error)}") from error


def watched_solve(solver: Solver, budget: Budget, lower: LowerLevel, watch: Watch) -> Solution:
    """Solve as `solvers.solve` does, and tell somebody how far it is, first about the start."""
    if isinstance(lower.regularizer, PreparedRegularizer):
        lower = lower.replace(regularizer=lower.regularizer.prepared())
    ended = _begun(solver, lower)
    smallest = residual = float(ended.residual)
    watch(0, residual)
    while budget.tolerance < residual < GROWTH * smallest:
        goal = jnp.asarray(max(float(budget.tolerance), FALL * residual), lower.y.dtype)
        before, ended = int(ended.steps), _continued(solver, budget, lower, ended, goal)
        residual = float(ended.residual)
        smallest = min(smallest, residual)
        watch(int(ended.steps), residual)
        if int(ended.steps) == before:
            break
    return _finished(solver, budget, lower, ended)


@functools.partial(jax.jit, static_argnums=(0, 1))
def solved(solver: Solver, budget: Budget, lower: LowerLevel) -> Solution:
    """Solve without a word; images of one size share a program."""
    return solve(solver, budget, lower)


def outcome_of(solution: Solution) -> str:
    """Return how a solve ended, in the words of `Outcome`: "converged" or what else."""
    return Outcome(int(solution.status)).name.lower()


@functools.partial(jax.jit, static_argnums=0)
def _begun(solver: Solver, lower: LowerLevel) -> Ended:
    return not_begun(solver, lower)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _continued(
    solver: Solver, budget: Budget, lower: LowerLevel, ended: Ended, goal: Float[Array, ""]
) -> Ended:
    return continue_solve(solver, budget, lower, ended, goal)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _finished(solver: Solver, budget: Budget, lower: LowerLevel, ended: Any) -> Solution:
    return finish(budget, lower, solver.iterate(lower, ended.state), Ended(*ended))
