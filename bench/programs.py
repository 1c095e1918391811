"""The functions that are compiled and timed, each of an instance's inputs alone."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..hypergrad.method import AdjointMethod, Backward
from ..hypergrad.reference import Reference, reference
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import Regularizer
from ..solvers.solver import Solution
from .case import Contestant
from .inputs import Inputs
from .sweeps import at_tolerance


class Training(NamedTuple):
    """One training step's yield: the loss, its gradient by the regulariser, and the batch's solutions."""

    loss: Float[Array, ""]
    gradient: Regularizer
    solution: Solution


def solve_only(contestant: Contestant) -> Callable[[Inputs], Solution]:
    """Return the forward solve of the whole batch, as the method does it, without a derivative."""

    def run(inputs: Inputs) -> Solution:
        return _solve(contestant, inputs, inputs.regularizer)

    return run


def solve_and_differentiate(contestant: Contestant) -> Callable[[Inputs], Training]:
    """Return solve and gradient of the mean squared error by the regulariser's parameters."""

    def run(inputs: Inputs) -> Training:
        def loss(regularizer: Regularizer) -> tuple[Array, Solution]:
            # The state would count as the program's output, and some are large.
            solution = _solve(contestant, inputs, regularizer)._replace(state=None)
            return jnp.mean(jnp.square(solution.x - inputs.truths)), solution

        (value, solution), gradient = jax.value_and_grad(loss, has_aux=True)(inputs.regularizer)
        return Training(value, gradient, solution)

    return run


def with_tolerance(
    program: Callable[[Contestant], Callable[..., Any]], contestant: Contestant
) -> Callable[..., Any]:
    """Return a program with the tolerance as its last argument: compiled once, it serves a whole sweep."""

    def run(*arguments: Any) -> Any:
        return program(at_tolerance(contestant, arguments[-1]))(*arguments[:-1])

    return run


def pull_back(contestant: Contestant) -> Callable[[Inputs, Solution], Regularizer]:
    """Return the batch's gradient by the regulariser at solutions that are given; never timed."""
    solver, method = contestant.solver, contestant.method
    if not isinstance(method, AdjointMethod):
        raise TypeError(f"{method!r} has no backward pass of its own")

    def run(inputs: Inputs, solution: Solution) -> Regularizer:
        def one(y: Array, truth: Array, solution: Solution) -> Regularizer:
            lower = LowerLevel(inputs.A, y, inputs.regularizer)
            cotangent = jax.grad(_outer(truth))(solution.x)
            return method.backward(solver, contestant.budget, lower, solution, cotangent)[0].regularizer

        gradients = jax.vmap(one)(inputs.y, inputs.truths, solution)
        return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), gradients)

    return run


def look_back(contestant: Contestant) -> Callable[[Inputs, Solution], Backward]:
    """Return what the backward pass of every member of the batch knows of itself; never timed."""
    solver, method = contestant.solver, contestant.method
    if not isinstance(method, AdjointMethod):
        raise TypeError(f"{method!r} has no backward pass of its own")

    def run(inputs: Inputs, solution: Solution) -> Backward:
        def one(y: Array, truth: Array, solution: Solution) -> Backward:
            lower = LowerLevel(inputs.A, y, inputs.regularizer)
            return method.backward(
                solver, contestant.budget, lower, solution, jax.grad(_outer(truth))(solution.x)
            )[1]

        return jax.vmap(one)(inputs.y, inputs.truths, solution)

    return run


def judge(inputs: Inputs, directions: LowerLevel) -> Reference:
    """Return the reference of every member of the batch, with differences along shared directions."""

    def one(y: Array, truth: Array) -> Reference:
        return reference(LowerLevel(inputs.A, y, inputs.regularizer), _outer(truth), directions)

    # One after the other: members of a batch need very different numbers of Newton steps.
    return jax.lax.map(lambda pair: one(*pair), (inputs.y, inputs.truths))


def _solve(contestant: Contestant, inputs: Inputs, regularizer: Regularizer) -> Solution:
    def one(y: Array) -> Solution:
        lower = LowerLevel(inputs.A, y, regularizer)
        return contestant.method(contestant.solver, contestant.budget, lower)

    return jax.vmap(one)(inputs.y)


def _outer(truth: Array) -> Callable[[Array], Array]:
    return lambda x: jnp.mean(jnp.square(x - truth))
