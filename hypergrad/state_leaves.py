"""Which leaves of a solver's state are the iterate and the dual variable themselves."""

from typing import Any

import jax

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import DualSolver, PrimalDualPair
from ..solvers.linear.implicit_linear import no_tangent
from ..solvers.solver import Solution, Solver


def iterate_leaf(solver: Solver, lower: LowerLevel, state: Any) -> int | None:
    """Return which leaf of the state `solver.iterate` hands out, None where it computes the iterate."""
    return _handed_out(solver.iterate, lower, state)


def dual_leaf(solver: Solver, lower: LowerLevel, state: Any) -> int | None:
    """Return which leaf of the state `solver.dual` hands out, None where there is none."""
    return _handed_out(solver.dual, lower, state) if isinstance(solver, DualSolver) else None


def pair_tangent(solver: Solver, lower: LowerLevel, solution: Solution, moved: PrimalDualPair) -> Solution:
    """Return the tangent of a solution whose x, and with it the dual variable in its state, moves."""
    leaves, structure = jax.tree.flatten(no_tangent(solution.state))
    places = iterate_leaf(solver, lower, solution.state), dual_leaf(solver, lower, solution.state)
    for place, tangent in zip(places, moved, strict=True):
        if place is not None:
            leaves[place] = tangent
    return no_tangent(solution)._replace(x=moved.x, state=structure.unflatten(leaves))


def _handed_out(read: Any, lower: LowerLevel, state: Any) -> int | None:
    jaxpr = jax.make_jaxpr(read)(lower, state).jaxpr
    given = jaxpr.invars[len(jax.tree.leaves(lower)) :]
    return next((place for place, one in enumerate(given) if one is jaxpr.outvars[0]), None)
