"""One call for value, gradient and what the backward pass knows."""

from typing import NamedTuple

import jax
from jaxtyping import Array, Float

from ..problems.arrays.mesh_axes import differing_as
from ..problems.lower_level import LowerLevel
from ..solvers.budget import Budget
from ..solvers.solver import Solution, Solver, StartPoint
from .method import AdjointMethod, Backward, Method, Outer, RefiningMethod, is_warm, require_supported
from .second_order import once_alone, solve_to_differentiate
from .solved import Solved


class Hypergradient(NamedTuple):
    """A loss at the solution of a lower level, with its gradient.

    Attributes:
        value: outer(x*), a scalar.
        gradient: one cotangent per leaf, of the type of the lower level.
        solution: the end of the solve.
        backward: what the backward pass knows of itself.
    """

    value: Float[Array, ""]
    gradient: LowerLevel
    solution: Solution
    backward: Backward


def hypergradient(
    method: Method,
    solver: Solver,
    budget: Budget,
    lower: LowerLevel,
    outer: Outer,
    start: StartPoint | None = None,
    adjoint_start: Float[Array, "..."] | None = None,
) -> Hypergradient:
    """Return outer(x*(lower)) with its gradient by every leaf, the solution and the backward pass's account.

    The gradient is the one that `jax.grad` gives through `method(solver, budget, lower)`, up to the accuracy
    of a method that has one: that chooses here how far the lower level is solved.

    Args:
        method: the differentiation rule.
        solver: of the lower level.
        budget: how long it may run.
        lower: the lower level.
        outer: the loss, of x.
        start: where the solver begins, as in `solve`.
        adjoint_start: a guess of the adjoint, such as the `backward.adjoint` of the step of training before.

    Raises:
        ValueError: if the method or the solver does not support the lower level, with the reason, or the
            method has no adjoint equation to start from a guess.
    """
    require_supported(method, solver, lower)
    if adjoint_start is not None and not is_warm(method):
        raise ValueError(f"{method!r} has no adjoint equation that could start from a guess")
    # Inside `jax.shard_map` the gradient of each device is its own, whatever devices share.
    lower, start, adjoint_start = differing_as((lower, start, adjoint_start), (lower, start, adjoint_start))
    if isinstance(method, RefiningMethod) and method.accuracy is not None:
        if start is not None:
            raise ValueError(f"{method!r} refines from the solver's own start; leave the start out")
        # Only here is the loss known, so that its cotangent can follow x.
        lower = once_alone(repr(method), lower)
        found = method.solve_to_accuracy(solver, budget, lower, outer, adjoint_start)
        return Hypergradient(outer(found[0].x), found[1], found[0], found[2])
    if isinstance(method, AdjointMethod):
        # Whoever differentiates this call gets the solution's tangent, or a sentence.
        solution = solve_to_differentiate(method, solver, budget, lower, start)
        solved = Solved(solver, budget, lower, solution)
        value, cotangent = jax.value_and_grad(outer)(solution.x)
        if is_warm(method):
            gradient, backward = method.backward(solved, cotangent, adjoint_start)
        else:
            gradient, backward = method.backward(solved, cotangent)
        return Hypergradient(value, gradient, solution, backward)

    def loss(lower: LowerLevel) -> tuple[Array, Solution]:
        solution = method(solver, budget, lower, start)
        return outer(solution.x), solution

    (value, solution), gradient = jax.value_and_grad(loss, has_aux=True)(lower)
    return Hypergradient(value, gradient, solution, Backward())
