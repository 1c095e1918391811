"""One step of a solver, as a map of the arrays that it moves."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..solvers.analysis_l1_problem import DualSolver, PrimalDualPair
from ..solvers.solver import Solver

Point = tuple[Float[Array, "..."], ...]
"""The arrays of a state that a step moves: iterates, extrapolated points, dual variables."""


class StepMap(NamedTuple):
    """The fixed-point map of a solver near one of its states.

    Attributes:
        point: where the map is looked at.
        advance: T(lower, point), one step.
        read: the primal iterate of a point.
    """

    point: Point
    advance: Callable[[LowerLevel, Point], Point]
    read: Callable[[LowerLevel, Point], Float[Array, "..."]]


def step_map(solver: Solver, lower: LowerLevel, state: Any) -> StepMap:
    """Return the step as a map of what it moves, everything else in the state held.

    Scalars (step sizes, a momentum parameter, counters) are held: they do not change a fixed point. Arrays
    that a step hands on, such as a factorisation, are made anew from the lower level, so that a derivative by
    it counts them.
    """
    leaves, structure = jax.tree.flatten(state)
    moves = _moving(solver, lower, state)
    pair = None
    if isinstance(solver, DualSolver):
        pair = jax.lax.stop_gradient(PrimalDualPair(solver.iterate(lower, state), solver.dual(lower, state)))

    def rebuilt(lower: LowerLevel, point: Point) -> Any:
        fresh = leaves if pair is None else jax.tree.leaves(_at(solver, lower, pair))
        moved = iter(point)
        return structure.unflatten(
            next(moved) if moving else (new if old.ndim else old)
            for moving, new, old in zip(moves, fresh, leaves, strict=True)
        )

    def moving_leaves(state: Any) -> Point:
        return tuple(leaf for leaf, moving in zip(jax.tree.leaves(state), moves, strict=True) if moving)

    return StepMap(
        moving_leaves(state),
        lambda lower, point: moving_leaves(solver.step(lower, rebuilt(lower, point))),
        lambda lower, point: solver.iterate(lower, rebuilt(lower, point)),
    )


def _at(solver: DualSolver, lower: LowerLevel, pair: PrimalDualPair) -> Any:
    return solver.init_at(lower, pair)


def _moving(solver: Solver, lower: LowerLevel, state: Any) -> list[bool]:
    """Tell which leaves of a state are arrays of numbers that a step does not hand on as they are."""
    given = len(jax.tree.leaves(lower))
    jaxpr = jax.make_jaxpr(solver.step)(lower, state).jaxpr
    leaves = jax.tree.leaves(state)
    return [
        leaf.ndim > 0 and jnp.issubdtype(leaf.dtype, jnp.floating) and before is not after
        for leaf, before, after in zip(leaves, jaxpr.invars[given:], jaxpr.outvars, strict=True)
    ]
