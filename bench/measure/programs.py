"""The functions that are compiled and timed, each of an instance's inputs alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...hypergrad.bounds.error_bound import error_bound, no_error_bound
from ...hypergrad.method import AdjointMethod, Backward, RefiningMethod
from ...hypergrad.references.reference import Reference, reference
from ...hypergrad.solved import Solved
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...solvers.solver import Solution
from ..grid.case import Contestant
from ..grid.inputs import Inputs
from ..grid.sweeps import at_tolerance
from .solved import require_solution

LARGEST_BOUNDED = 2**16
"""Pixels up to which errors of gradients are bounded: the bound holds images for every parameter."""


class DifferentiatedSolve(NamedTuple):
    """The loss at the batch's solutions, its gradient by the regulariser, and the solutions."""

    loss: Float[Array, ""]
    gradient: Regularizer
    solution: Solution


def solve_only(contestant: Contestant) -> Callable[[Inputs], Solution]:
    """Return the forward solve of the whole batch, as the method does it, without a derivative."""

    def run(inputs: Inputs) -> Solution:
        return _solve(contestant, inputs, inputs.regularizer)

    return run


def solve_and_differentiate(contestant: Contestant) -> Callable[[Inputs], DifferentiatedSolve]:
    """Return solve and gradient of the mean squared error by the regulariser's parameters."""

    def run(inputs: Inputs) -> DifferentiatedSolve:
        def loss(regularizer: Regularizer) -> tuple[Array, Solution]:
            # The state would count as the program's output, and some are large.
            solution = _solve(contestant, inputs, regularizer)._replace(state=None)
            return jnp.mean(jnp.square(solution.x - inputs.truths)), solution

        (value, solution), gradient = jax.value_and_grad(loss, has_aux=True)(inputs.regularizer)
        return DifferentiatedSolve(value, gradient, solution)

    return run


def with_tolerance(
    program: Callable[[Contestant], Callable[..., Any]], contestant: Contestant
) -> Callable[..., Any]:
    """Return a program with the tolerance as its last argument: compiled once, it serves a whole sweep."""

    def run(*arguments: Any) -> Any:
        return program(at_tolerance(contestant, arguments[-1]))(*arguments[:-1])

    return run


def pull_back(contestant: Contestant) -> Callable[[Inputs, Solution], Regularizer]:
    """Return the batch's gradient by the regulariser at given solutions; never timed.

    Raises:
        TypeError: for a method without a backward pass of its own.
    """
    solver, method = contestant.solver, contestant.method
    if not isinstance(method, AdjointMethod):
        raise TypeError(f"{method!r} has no backward pass of its own")

    def run(inputs: Inputs, solution: Solution) -> Regularizer:
        def of_member(y: Float[Array, "..."], truth: Float[Array, "..."], solution: Solution) -> Regularizer:
            lower = LowerLevel(inputs.A, y, inputs.regularizer)
            cotangent = jax.grad(_outer(truth))(solution.x)
            solved = Solved(solver, contestant.budget, lower, solution)
            return method.backward(solved, cotangent)[0].regularizer

        gradients = jax.vmap(of_member)(inputs.y, inputs.truths, solution)
        return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), gradients)

    return run


def look_back(contestant: Contestant) -> Callable[[Inputs, Solution], Backward]:
    """Return what the backward pass of every member of the batch knows of itself; never timed.

    Raises:
        TypeError: for a method without a backward pass of its own.
    """
    solver, method = contestant.solver, contestant.method
    if not isinstance(method, AdjointMethod):
        raise TypeError(f"{method!r} has no backward pass of its own")

    def run(inputs: Inputs, solution: Solution) -> Backward:
        def of_member(y: Float[Array, "..."], truth: Float[Array, "..."], solution: Solution) -> Backward:
            lower = LowerLevel(inputs.A, y, inputs.regularizer)
            solved = Solved(solver, contestant.budget, lower, solution)
            return method.backward(solved, jax.grad(_outer(truth))(solution.x))[1]

        backward = jax.vmap(of_member)(inputs.y, inputs.truths, solution)
        return backward._replace(error_bound=_error_bounds(method, inputs, solution, backward))

    return run


def compute_references(inputs: Inputs, directions: LowerLevel) -> Reference:
    """Return the reference of every member of the batch, with differences along shared directions."""

    def of_member(y: Float[Array, "..."], truth: Float[Array, "..."]) -> Reference:
        return reference(LowerLevel(inputs.A, y, inputs.regularizer), _outer(truth), directions)

    # One after the other: members of a batch need very different numbers of Newton steps.
    return jax.lax.map(lambda pair: of_member(*pair), (inputs.y, inputs.truths))


def _solve(contestant: Contestant, inputs: Inputs, regularizer: Regularizer) -> Solution:
    def of_member(y: Float[Array, "..."], truth: Float[Array, "..."]) -> Solution:
        lower = LowerLevel(inputs.A, y, regularizer)
        solution = contestant.method(contestant.solver, contestant.budget, lower)
        require_solution(solution, truth)
        return solution

    return jax.vmap(of_member)(inputs.y, inputs.truths)


def _error_bounds(
    method: AdjointMethod, inputs: Inputs, solution: Solution, backward: Backward
) -> Float[Array, " batch"] | None:
    """Bound the error of every member's gradient, where the loss's own constant is known; None elsewhere."""
    pixels = inputs.truths[0].size
    if isinstance(method, RefiningMethod) and method.accuracy is not None:
        # What it ended at is not `solution`: its own bound holds, if it was told of the loss.
        return backward.error_bound if method.outer_lipschitz >= 2 / pixels else None
    lower = LowerLevel(inputs.A, inputs.y[0], inputs.regularizer)
    if not method.traits.adjoint_of_energy or no_error_bound(lower) or pixels > LARGEST_BOUNDED:
        return None

    def bound(member: tuple[Array, Array, Array, Array]) -> Array:
        y, truth, x, v = member
        lower = LowerLevel(inputs.A, y, inputs.regularizer)
        return error_bound(lower, x, jax.grad(_outer(truth))(x), v, 2 / pixels).total

    # One after the other: the bound holds a matrix of all parameters times all pixels.
    return jax.lax.map(bound, (inputs.y, inputs.truths, solution.x, backward.adjoint))


def _outer(truth: Array) -> Callable[[Array], Array]:
    return lambda x: jnp.mean(jnp.square(x - truth))
