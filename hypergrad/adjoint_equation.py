"""The adjoint equation of a lower level, from its optimality condition or its solver's step."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.arrays.mesh_axes import differing_as
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import (
    EnergyRegularizer,
    OperatorRegularizer,
    ProximalRegularizer,
    SmoothRegularizer,
)
from ..solvers.fixed_point_map import map_step_size
from ..solvers.linear.linear_solver import Matvec, normalized
from .solved import Solved
from .step_map import flat_step_map

POWER_STEPS = 30


class AdjointEquation(NamedTuple):
    """A linear system  M v = rhs  scaled such that I - M is a contraction where the solver is one.

    Attributes:
        matvec: M.
        rhs: of the shape of x (optimality) or a vector (fixed point).
        pull: from v to the cotangent of every leaf of the lower level.
    """

    matvec: Matvec
    rhs: Float[Array, "..."]
    pull: Callable[[Float[Array, "..."]], LowerLevel]


def no_hessian(lower: LowerLevel) -> str | None:
    """Return None if the optimality condition is that of a smooth energy, else why it has no Hessian."""
    if isinstance(lower.regularizer, SmoothRegularizer):
        return None
    name = type(lower.regularizer).__name__
    if isinstance(lower.regularizer, OperatorRegularizer):
        return f"{name} has no energy, so that the Jacobian of its optimality condition is not symmetric"
    has_energy = isinstance(lower.regularizer, EnergyRegularizer)
    if isinstance(lower.regularizer, ProximalRegularizer) and not has_energy:
        return f"{name} offers a prox alone, so that there is no optimality condition to differentiate"
    return f"{name} is not smooth, so its optimality condition has no Hessian"


def of_optimality(lower: LowerLevel, x: Float[Array, "*shape"], g: Float[Array, "*shape"]) -> AdjointEquation:
    """Return  tau H^T v = tau g,  H the Hessian or the operator's Jacobian at x,  tau = 1/L.

    I - tau H is the Jacobian of a forward step.
    """
    tau = map_step_size(lower, 1.0)
    # What a product needs of x alone is computed once, not in each step of an iteration. A Hessian is its own
    # transpose, and products with it are cheaper forward.
    along = jax.linearize(lower.operator, x)[1]
    across = None if no_hessian(lower) is None else jax.linear_transpose(along, x)

    def matvec(v: Array) -> Array:
        return tau * (along(v) if across is None else across(v)[0])

    def pull(v: Array) -> LowerLevel:
        return jax.grad(lambda lower: -jnp.vdot(v, lower.operator(x)))(lower)

    return AdjointEquation(matvec, tau * g, pull)


def of_fixed_point(solved: Solved, g: Float[Array, "..."]) -> AdjointEquation:
    """Return  (I - J^T) w = r,  J the Jacobian of the solver's step and r what g is to its state.

    The state is the vector of `flat_step_map`, without a unit.
    """
    lower = solved.lower
    step = flat_step_map(solved.solver, lower, solved.solution.state)
    directly, rhs = jax.vjp(step.read, lower, step.point)[1](g)
    back = jax.vjp(lambda z: step.advance(lower, z), step.point)[1]
    across = jax.vjp(lambda lower: step.advance(lower, step.point), lower)[1]

    def pull(w: Array) -> LowerLevel:
        return jax.tree.map(jnp.add, directly, across(w)[0])

    return AdjointEquation(lambda w: w - back(w)[0], rhs, pull)


def contraction_of(equation: AdjointEquation) -> Float[Array, ""]:
    """Estimate the contraction factor of v <- v - M v + rhs by power iteration from the right-hand side."""
    unit, _ = normalized(equation.rhs)

    def advance(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        following, norm = normalized(carry[0] - equation.matvec(carry[0]))
        is_left = jnp.any(following != 0)
        return (following, jnp.where(is_left, norm, jnp.zeros_like(norm))), None

    start = differing_as((unit, jnp.zeros((), unit.dtype)), unit)
    return jax.lax.scan(advance, start, length=POWER_STEPS)[0][1]
