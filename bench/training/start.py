"""Where the solves of every pair start: at what the last step that took the pair left."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...hypergrad.method import Backward
from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import DualSolver, PrimalDualPair
from ...solvers.solver import Outcome, PointSolver, Solution, Solver, StartPoint


class Start(NamedTuple):
    """Where the solve of a pair and its adjoint equation start; None where they start from nothing.

    Attributes:
        point: x with the dual variable, or x alone.
        adjoint: the adjoint.
    """

    point: StartPoint | None = None
    adjoint: Float[Array, "..."] | None = None


def own_point(solver: Solver, lower: LowerLevel) -> StartPoint | None:
    """Return where a solver starts by itself; None if it can start nowhere else."""
    if not isinstance(solver, DualSolver | PointSolver):
        return None
    state = solver.init(lower)
    return _point(solver, lower, solver.iterate(lower, state), state)


def next_start(
    solver: Solver, lower: LowerLevel, before: Start, solution: Solution, backward: Backward
) -> Start:
    """Return where the next solve of this pair starts: where this one ended, unless it left the numbers.

    A solve that only ran out of steps is gone on with.
    """
    point, adjoint = before
    if point is not None:
        ended = _point(solver, lower, solution.x, solution.state)
        usable = (solution.status == int(Outcome.CONVERGED)) | (solution.status == int(Outcome.MAX_STEPS))
        point = _kept(usable & _finite(ended), ended, point)
    if adjoint is not None and backward.adjoint is not None:
        adjoint = _kept(_finite(backward.adjoint), backward.adjoint, adjoint)
    return Start(point, adjoint)


def leaves_point(solver: Solver, solution: Solution) -> bool:
    """Tell whether a later solve can begin where this one ended: not without the dual variable it needs."""
    return solution.state is not None or not isinstance(solver, DualSolver)


def _point(solver: Solver, lower: LowerLevel, x: Float[Array, "..."], state: Any) -> StartPoint:
    """Return where a later solve begins: other libraries leave no state where x is all of it."""
    return PrimalDualPair(x, solver.dual(lower, state)) if isinstance(solver, DualSolver) else x


def _finite(tree: Any) -> Bool[Array, ""]:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]))


def _kept(usable: Bool[Array, ""], new: Any, old: Any) -> Any:
    return jax.tree.map(lambda new, old: jnp.where(usable, new, old), new, old)
