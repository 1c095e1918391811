"""How much a loss still sees of the state where differentiated steps began."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..solvers.linear.linear_solver import normalized
from ..solvers.solver import Solver
from .method import Outer
from .step_map import Point, moving_leaves, run_differentiated


def memory_of_start(
    solver: Solver, lower: LowerLevel, state: Any, count: int, outer: Outer
) -> Float[Array, ""]:
    """Return ||(J^T)^count r|| / ||r||,  r the loss's cotangent of the last of `count` steps' states.

    J^T pulls a cotangent back through a step, each at its own state. Near a solution the sum of the first
    `count` terms (J^T)^j r, with which a rule pairs that differentiates so many steps, solves the adjoint
    equation  (I - J^T) w = r  up to what is returned: a loss that still sees the start lacks the rest of the
    series. It may say nothing of a path that was far from the solution. Costs about a gradient.
    Source: Shaban et al., 2019, section 3 (truncation).

    Args:
        solver: whose steps.
        lower: the lower level.
        state: where they begin.
        count: how many.
        outer: the loss, of x.
    """
    moves = moving_leaves(solver, lower, state)

    def run(point: Point) -> tuple[Point, Any]:
        last = run_differentiated(solver, lower, _with_point(state, moves, point), count)
        return _point_of(last, moves), last

    end, back, last = jax.vjp(run, _point_of(state, moves), has_aux=True)
    r = jax.grad(lambda point: outer(solver.iterate(lower, _with_point(last, moves, point))))(end)
    return relative_size(back(r)[0], r, end)


def _point_of(state: Any, moves: list[bool]) -> Point:
    return tuple(leaf for leaf, moving in zip(jax.tree.leaves(state), moves, strict=True) if moving)


def _with_point(state: Any, moves: list[bool], point: Point) -> Any:
    moved, (leaves, structure) = iter(point), jax.tree.flatten(state)
    return structure.unflatten(
        next(moved) if moving else leaf for moving, leaf in zip(moves, leaves, strict=True)
    )


def relative_size(left: Point, whole: Point, point: Point) -> Float[Array, ""]:
    """Return ||left|| / ||whole||, cotangents of a point whose blocks have different units.

    Each counts times the norm of the point's block.
    """
    units = [normalized(block)[1] for block in point]
    scaled = [
        jnp.concatenate([(unit * block).ravel() for unit, block in zip(units, blocks, strict=True)])
        for blocks in (whole, left)
    ]
    # The squares of a tiny cotangent are zero.
    largest = jnp.max(jnp.abs(scaled[0]))
    safe = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    whole_size, left_size = (jnp.sqrt(jnp.sum(jnp.square(one / safe))) for one in scaled)
    return left_size / jnp.where(whole_size > 0, whole_size, jnp.ones_like(whole_size))
