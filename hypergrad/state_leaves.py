"""Which leaves of a solver's state are the iterate and the dual variable themselves."""

from typing import Any

import jax

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import DualSolver, PrimalDualPair
from ..solvers.linear.implicit_linear import no_tangent
from ..solvers.solver import Solution, Solver
from .solved import Solved


def iterate_leaf(solver: Solver, lower: LowerLevel, state: Any) -> int | None:
    """Return which leaf of the state `solver.iterate` hands out, None where it computes the iterate."""
    return _handed_out(solver.iterate, lower, state)


def dual_leaf(solver: Solver, lower: LowerLevel, state: Any) -> int | None:
    """Return which leaf of the state `solver.dual` hands out, None where there is none."""
    return _handed_out(solver.dual, lower, state) if isinstance(solver, DualSolver) else None


def pair_tangent(solved: Solved, tangent: PrimalDualPair) -> Solution:
    """Return the tangent of a solution from those of its x and of the dual variable in its state."""
    given = solved.solver, solved.lower, solved.solution.state
    leaves, structure = jax.tree.flatten(no_tangent(solved.solution.state))
    for place, part in zip((iterate_leaf(*given), dual_leaf(*given)), tangent, strict=True):
        if place is not None:
            leaves[place] = part
    return no_tangent(solved.solution)._replace(x=tangent.x, state=structure.unflatten(leaves))


def _handed_out(read: Any, lower: LowerLevel, state: Any) -> int | None:
    jaxpr = jax.make_jaxpr(read)(lower, state).jaxpr
    given = jaxpr.invars[len(jax.tree.leaves(lower)) :]
    return next((place for place, one in enumerate(given) if one is jaxpr.outvars[0]), None)
