"""How a solution moves with its lower level: the linearisation of the condition that defines it."""

from collections.abc import Callable
from typing import NamedTuple

import jax
from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from ..solvers.fixed_point_map import map_step_size
from ..solvers.linear.implicit_linear import no_tangent
from ..solvers.linear.linear_solver import Matvec
from ..solvers.solver import Solution
from .solved import Solved
from .step_map import flat_step_map


class Motion(NamedTuple):
    """A linear system  M t = rhs  for the tangent t of x or of a solver's state.

    Attributes:
        matvec: M, of which the adjoint equation has the transpose.
        rhs: minus the derivative of the condition along the lower level's direction.
        solution: from t to the tangent of the whole solution.
    """

    matvec: Matvec
    rhs: Float[Array, "..."]
    solution: Callable[[Float[Array, "..."]], Solution]


def motion_of_optimality(solved: Solved, direction: LowerLevel) -> Motion:
    """Return  tau H t = -tau d/dtheta grad E(x) direction,  H the Hessian or an operator's Jacobian."""
    lower, x = solved.lower, solved.x
    tau = map_step_size(lower, 1.0)

    def matvec(t: Array) -> Array:
        return tau * jax.jvp(lower.operator, (x,), (t,))[1]

    rhs = -tau * jax.jvp(lambda one: one.operator(x), (lower,), (direction,))[1]
    return Motion(matvec, rhs, lambda t: no_tangent(solved.solution)._replace(x=t))


def motion_of_fixed_point(solved: Solved, direction: LowerLevel) -> Motion:
    """Return  (I - J) t = d/dtheta T(z) direction,  J the Jacobian of the solver's step T at its state z.

    The state is the vector of `flat_step_map`, without a unit.
    """
    lower, solution = solved.lower, solved.solution
    step = flat_step_map(solved.solver, lower, solution.state)

    def matvec(t: Array) -> Array:
        return t - jax.jvp(lambda z: step.advance(lower, z), (step.point,), (t,))[1]

    def tangent(t: Array) -> Solution:
        x = jax.jvp(step.read, (lower, step.point), (direction, t))[1]
        return no_tangent(solution)._replace(x=x, state=step.state_tangent(t))

    rhs = jax.jvp(lambda lower: step.advance(lower, step.point), (lower,), (direction,))[1]
    return Motion(matvec, rhs, tangent)
