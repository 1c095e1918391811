"""How a solve moves with its lower level, for derivatives of a rule's own gradient."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array

from ..problems.lower_level import LowerLevel
from ..problems.values.settings import Frame, split
from ..solvers.budget import Budget
from ..solvers.solve import solve
from ..solvers.solver import Solution, Solver, StartPoint
from .method import Method, TangentMethod
from .seen_fields import no_derivative_by_settings
from .solved import Solved


def solve_to_differentiate(
    method: Method, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None
) -> Solution:
    """Solve the lower level; the solution's tangent is the method's, from the optimality system.

    A backward pass is a function of the solution, and differentiating it again needs to know how that moves.
    Tangents through the iterations would not say it: they lag behind the iterates, and a solve that starts at
    its solution has none. To any order, in forward and reverse mode.

    Raises:
        TypeError: when differentiated, if the method does not say how its solution moves; by a setting.
    """
    return _solve(*split(method, solver, budget), lower, start)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def _solve(frame: Frame, arrays: list[Array], lower: LowerLevel, start: StartPoint | None) -> Solution:
    _, solver, budget = frame.filled(arrays)
    return solve(solver, budget, lower, start)


def _tangent(frame: Frame, primals: Any, tangents: Any) -> tuple[Solution, Solution]:
    arrays, lower, _ = primals
    perturbed = [not isinstance(one, SymbolicZero) for one in tangents[0]]
    if any(perturbed):
        raise no_derivative_by_settings(frame, perturbed)
    method, solver, budget = frame.filled(arrays)
    if not isinstance(method, TangentMethod):
        raise no_second_derivative(method)
    solution = _solve(frame, *primals)
    direction = jax.tree.map(_instantiated, lower, tangents[1])
    return solution, method.tangent(Solved(solver, budget, lower, solution), direction)


_solve.defjvp(_tangent, symbolic_zeros=True)


def _instantiated(leaf: Array, tangent: Any) -> Array:
    return jnp.zeros_like(leaf) if isinstance(tangent, SymbolicZero) else tangent


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def once_alone(name: str, lower: LowerLevel) -> LowerLevel:
    """Return the lower level, by which what a refining rule makes of it has no derivative.

    Raises:
        TypeError: when differentiated, with the rule's name.
    """
    del name
    return lower


@once_alone.defjvp
def _refused(name: str, primals: Any, tangents: Any) -> Any:
    del primals, tangents
    raise no_derivative_of_refined(name)


def no_derivative_of_refined(name: str) -> TypeError:
    """Return the error for a rule that refines solution and adjoint in turn."""
    return TypeError(f"second derivatives need a method without an accuracy; got {name}")


def no_second_derivative(method: Method) -> TypeError:
    """Return the error for a rule whose gradient cannot be differentiated again."""
    return TypeError(
        f"the gradient of {method!r} has no derivative of its own: second derivatives (jax.hessian, jax.jvp "
        "of jax.grad, jax.grad of jax.grad) are there for Implicit() and ClosedForm(), from the optimality "
        "system, and for Unrolled(), through its iterations"
    )
