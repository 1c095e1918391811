"""Refine solution and adjoint together until the hypergradient's error bound is small enough."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.arrays.mesh_axes import differing_as
from ...problems.lower_level import LowerLevel
from ...solvers.budget import Budget
from ...solvers.continued import continue_solve
from ...solvers.linear.circulant_preconditioner import Preconditioner
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.solve import Ended, finish
from ...solvers.solver import Outcome, Solution, Solver
from ..adjoint_equation import contraction_of, of_optimality
from ..method import Backward
from .error_bound import ErrorBound, error_bound

MOST_ROUNDS = 40
DECADE = 0.1
"""The factor by which a round lowers the residual of the adjoint equation."""
HEADROOM = 0.5
"""What a round aims at, as a part of what is allowed: bounds are not quite proportional to residuals."""
SMALLEST_FACTOR = 1e-2
"""By which a round lowers the residual of x at most: bounds far from the solution exaggerate the need."""


class Aim(NamedTuple):
    """What is to be reached, and by which means.

    Attributes:
        accuracy: of the hypergradient, relative.
        outer_lipschitz: of the outer loss's gradient, see `error_bound`.
        linear: solver of the adjoint equation.
        preconditioner: for it, or None.
        solver: of the lower level.
        budget: `max_steps` limits the solver over all rounds.
        cotangent: from x to the outer loss's gradient there.
        held_at: where the cotangent was evaluated, if it is the same for all x; None if it follows x.
    """

    accuracy: float
    outer_lipschitz: float
    linear: LinearSolver
    preconditioner: Preconditioner | None
    solver: Solver
    budget: Budget
    cotangent: Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]
    held_at: Float[Array, "..."] | None = None


class Refined(NamedTuple):
    """Where the refinement stands.

    Attributes:
        ended: the solver's state, its steps and residual.
        v: the adjoint.
        adjoint_steps: iterations of the linear solver, over all rounds.
        bound: of the hypergradient's error.
        of_x: the part of it that falls with the distance of x to the solution.
        norm: of the hypergradient by the regulariser's parameters.
        rounds: made so far.
    """

    ended: Ended
    v: Float[Array, "..."]
    adjoint_steps: Int[Array, ""]
    bound: ErrorBound
    of_x: Float[Array, ""]
    norm: Float[Array, ""]
    rounds: Int[Array, ""]


def refine(aim: Aim, lower: LowerLevel, ended: Ended, v: Float[Array, "..."]) -> Refined:
    """Tighten solution and adjoint, each from where it is, until the bound is at most the accuracy.

    The bound has a part that falls with x and one that falls with the adjoint's residual; each may take half
    of what the accuracy allows. A round continues the solver and corrects the adjoint by a decade, but only
    the one whose part is too large; then the bound is formed anew. Ends as well when nothing more can be
    done, since the solver's steps are used up or the rest is due to a cotangent that does not follow x, and
    after `MOST_ROUNDS`; `reached` says whether the aim was. Composes with `jit` and `vmap`.
    Source: the idea is MAID's, Salehi et al., 2024; what is chosen here is a gradient's accuracy and not
    whether a step of descent is safe.
    """

    def running(now: Refined) -> Bool[Array, ""]:
        used_up = now.ended.steps + aim.budget.check_every > aim.budget.max_steps
        share = _share(aim, now)
        stuck = ((now.of_x <= share) | used_up) & (now.bound.adjoint <= share)
        on = ~reached(aim, now) & ~stuck & (now.rounds < MOST_ROUNDS) & jnp.isfinite(now.norm)
        return on | (now.rounds < 0)

    # Not judged yet: with nothing too large the first round only forms the bound, which so is compiled once.
    zero = jnp.zeros((), v.dtype)
    begun = Refined(
        ended, v, jnp.zeros((), jnp.int32), ErrorBound(*[zero] * 5), zero, zero, jnp.full((), -1, jnp.int32)
    )
    return jax.lax.while_loop(running, lambda now: _round(aim, lower, now), differing_as(begun, begun))


def reached(aim: Aim, now: Refined) -> Bool[Array, ""]:
    """Say whether the error is certainly at most the accuracy times the *true* hypergradient's norm.

    That norm is at least the computed one's less the bound.
    """
    return now.bound.total <= aim.accuracy * (now.norm - now.bound.total)


def result(aim: Aim, lower: LowerLevel, now: Refined) -> tuple[Solution, LowerLevel, Backward]:
    """Return the solution, converged if the aim was reached, the cotangent of `lower` and the account."""
    x = aim.solver.iterate(lower, now.ended.state)
    solution = finish(aim.budget, lower, x, now.ended)
    met = jnp.where(reached(aim, now), int(Outcome.CONVERGED), int(Outcome.MAX_STEPS)).astype(jnp.int32)
    lost = (solution.status == int(Outcome.NOT_FINITE)) | (solution.status == int(Outcome.OUT_OF_RANGE))
    status = jnp.where(lost, solution.status, met)
    g = aim.cotangent(x)
    equation = of_optimality(lower, x, g)
    account = Backward(
        euclidean_norm(equation.matvec(now.v) - equation.rhs) / euclidean_norm(equation.rhs),
        now.adjoint_steps,
        adjoint=now.v,
        contraction=contraction_of(equation),
        error_bound=now.bound.total,
        converged=reached(aim, now),
    )
    return solution._replace(status=status), equation.pull(now.v), account


def _round(aim: Aim, lower: LowerLevel, now: Refined) -> Refined:
    share = _share(aim, now)
    wanted = now.ended.residual * jnp.clip(HEADROOM * share / now.of_x, SMALLEST_FACTOR, HEADROOM)
    # An infinite tolerance makes no step.
    tolerance = jnp.where(now.of_x > share, wanted, jnp.inf)
    ended = continue_solve(aim.solver, aim.budget, lower, now.ended, tolerance)
    x = aim.solver.iterate(lower, ended.state)
    equation = of_optimality(lower, x, aim.cotangent(x))
    missing = equation.rhs - equation.matvec(now.v)
    # A right-hand side of zero is solved in no step.
    missing = jnp.where(now.bound.adjoint > share, missing, jnp.zeros_like(missing))
    approximate = aim.preconditioner
    inverse = None if approximate is None else approximate.invert(equation.matvec, equation.rhs)
    found = _loose(aim.linear).solve_linear(equation.matvec, missing, preconditioner=inverse)
    following = _judged(aim, lower, ended, now.v + found.value, now.rounds + 1)
    return following._replace(adjoint_steps=now.adjoint_steps + found.steps)


def _judged(
    aim: Aim, lower: LowerLevel, ended: Ended, v: Float[Array, "..."], rounds: Int[Array, ""]
) -> Refined:
    """Form the bound at a state and an adjoint; the adjoint's steps are counted elsewhere."""
    x = aim.solver.iterate(lower, ended.state)
    g = aim.cotangent(x)
    gradient = of_optimality(lower, x, g).pull(v).regularizer
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)))
    moved = jnp.zeros((), x.dtype) if aim.held_at is None else euclidean_norm(x - aim.held_at)
    bound = error_bound(lower, x, g, v, aim.outer_lipschitz, moved)
    of_x = bound.lower_level + bound.outer * bound.distance / (bound.distance + moved)
    return Refined(ended, v, jnp.zeros((), jnp.int32), bound, of_x, norm, rounds)


def _share(aim: Aim, now: Refined) -> Array:
    """Return what either part of the bound may take: half of what `reached` demands."""
    return 0.5 * aim.accuracy * now.norm / (1 + aim.accuracy)


def _loose(linear: LinearSolver) -> LinearSolver:
    """Return the solver with the tolerance of a decade: each round solves for what is still missing."""
    settings: Any = linear
    return dataclasses.replace(settings, tolerance=DECADE) if hasattr(linear, "tolerance") else linear
