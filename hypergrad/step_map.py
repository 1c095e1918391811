"""One step of a solver, as a map of the arrays that it moves."""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ..problems.arrays.mesh_axes import differing_as
from ..problems.lower_level import LowerLevel
from ..problems.values.configuration import holds_arrays
from ..solvers.analysis_l1_problem import DualSolver, PrimalDualPair
from ..solvers.fixed_point_map import depends_on_step_size
from ..solvers.linear.implicit_linear import no_tangent
from ..solvers.linear.linear_solver import normalized
from ..solvers.solver import MapSolver, Solver, StepSizedSolver

Point = tuple[Float[Array, "..."], ...]
"""The arrays of a state that a step moves: iterates, extrapolated points, dual variables."""


class StepMap(NamedTuple):
    """The fixed-point map of a solver near one of its states.

    Attributes:
        point: where the map is looked at.
        advance: T(lower, point), one step.
        read: the primal iterate of a point.
        state_tangent: the tangent of the whole state, of which only the point moves.
    """

    point: Point
    advance: Callable[[LowerLevel, Point], Point]
    read: Callable[[LowerLevel, Point], Float[Array, "..."]]
    state_tangent: Callable[[Point], Any]


class FlatStepMap(NamedTuple):
    """A `StepMap` of one vector z without a unit: the point's blocks, each over its norm, in a row."""

    point: Float[Array, " n"]
    advance: Callable[[LowerLevel, Float[Array, " n"]], Float[Array, " n"]]
    read: Callable[[LowerLevel, Float[Array, " n"]], Float[Array, "..."]]
    state_tangent: Callable[[Float[Array, " n"]], Any]


def no_step_derivative(solver: Solver) -> str | None:
    """Return None if `differentiated_step` has something to differentiate, else why not."""
    if solver.traits.differentiable_step or isinstance(solver, MapSolver):
        return None
    return f"{type(solver).__name__}'s step holds a loop that reverse mode cannot cross"


def differentiated_step(solver: Solver) -> Callable[[LowerLevel, Any], Any]:
    """Return the step whose derivative stands for the fixed point's: the solver's own, or the map's.

    Accelerated steps have no derivative at the solution; the map that they accelerate has the same one.
    """
    if isinstance(solver, MapSolver) and not solver.traits.differentiable_step:
        return solver.apply_map
    return solver.step


def run_differentiated(solver: Solver, lower: LowerLevel, state: Any, count: int) -> Any:
    """Make `count` steps of the kind that is differentiated."""
    step = differentiated_step(solver)
    state = differing_as(state, (lower, state))
    return jax.lax.scan(lambda state, _: (step(lower, state), None), state, length=count)[0]


def step_map(solver: Solver, lower: LowerLevel, state: Any) -> StepMap:
    """Return the step as a map of what it moves, everything else in the state held.

    Scalars (step sizes, a momentum parameter, counters) are held where they do not change the fixed point.
    What a step hands on and does change it is made anew from the lower level, see `connected`.
    """
    structure = jax.tree.structure(state)
    moves = moving_leaves(solver, lower, state)
    step = differentiated_step(solver)

    def rebuilt(lower: LowerLevel, point: Point) -> Any:
        moved = iter(point)
        held = jax.tree.leaves(connected(solver, lower, state))
        return structure.unflatten(
            next(moved) if moving else leaf for moving, leaf in zip(moves, held, strict=True)
        )

    def state_tangent(point: Point) -> Any:
        moved = iter(point)
        still = jax.tree.leaves(no_tangent(state))
        return structure.unflatten(
            next(moved) if moving else leaf for moving, leaf in zip(moves, still, strict=True)
        )

    def point_of(state: Any) -> Point:
        return tuple(leaf for leaf, moving in zip(jax.tree.leaves(state), moves, strict=True) if moving)

    return StepMap(
        point_of(state),
        lambda lower, point: point_of(step(lower, rebuilt(lower, point))),
        lambda lower, point: solver.iterate(lower, rebuilt(lower, point)),
        state_tangent,
    )


def flat_step_map(solver: Solver, lower: LowerLevel, state: Any) -> FlatStepMap:
    """Return the step as a map of a vector, for linear systems with its Jacobian.

    A state's blocks, x beside a dual variable, have different units; each is over its norm here, so that
    residuals and what a Krylov method minimises have none.
    """
    step = step_map(solver, lower, state)
    units = tuple(normalized(jax.lax.stop_gradient(block))[1] for block in step.point)
    flat, unravel = ravel_pytree(jax.tree.map(jnp.divide, step.point, units))

    def point(z: Array) -> Point:
        return jax.tree.map(jnp.multiply, cast(Point, unravel(z)), units)

    def advance(lower: LowerLevel, z: Array) -> Array:
        return ravel_pytree(jax.tree.map(jnp.divide, step.advance(lower, point(z)), units))[0]

    return FlatStepMap(
        flat,
        advance,
        lambda lower, z: step.read(lower, point(z)),
        lambda tangent: step.state_tangent(point(tangent)),
    )


def connected(solver: Solver, lower: LowerLevel, state: Any) -> Any:
    """Return the state with all that a step hands on and a solution depends on, made from `lower`.

    A rule that holds a state and differentiates what follows would else miss that it depends on `lower`:
    arrays such as a factorisation, which only solvers that can start at a pair carry, and the step size,
    where the fixed point depends on it.
    """
    # A step size among the settings can be learned, whatever the fixed point depends on.
    if isinstance(solver, StepSizedSolver) and (depends_on_step_size(lower) or holds_arrays(solver)):
        return solver.with_step_size(lower, state)
    if not isinstance(solver, DualSolver):
        return state
    pair = PrimalDualPair(solver.iterate(lower, state), solver.dual(lower, state))
    fresh = jax.tree.leaves(solver.init_at(lower, jax.lax.stop_gradient(pair)))
    leaves, structure = jax.tree.flatten(state)
    moves = moving_leaves(solver, lower, state)
    return structure.unflatten(
        old if moving or not old.ndim else new for moving, old, new in zip(moves, leaves, fresh, strict=True)
    )


def moving_leaves(solver: Solver, lower: LowerLevel, state: Any) -> list[bool]:
    """Tell which leaves of a state are arrays of numbers that a step does not hand on as they are."""
    given = len(jax.tree.leaves(lower))
    jaxpr = jax.make_jaxpr(differentiated_step(solver))(lower, state).jaxpr
    leaves = jax.tree.leaves(state)
    return [
        leaf.ndim > 0 and jnp.issubdtype(leaf.dtype, jnp.floating) and before is not after
        for leaf, before, after in zip(leaves, jaxpr.invars[given:], jaxpr.outvars, strict=True)
    ]
