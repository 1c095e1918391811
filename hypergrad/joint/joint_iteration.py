"""The loop that moves a solution and its adjoint together, until the adjoint equation holds."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ...solvers.linear.krylov import Tolerance
from ...solvers.linear.linear_solver import has_converged

LOOK_EVERY = 10
"""What is left of the adjoint equation is computed once in so many steps, since it costs as much as one."""


class JointForm(NamedTuple):
    """One lower level as an iteration of its solution and of its adjoint.

    Attributes:
        advance: one step of both: the solution's own, and the adjoint's by the derivative of that step.
        look: what a state leaves of the adjoint equation, for a right-hand side of norm one; and the state to
            go on from, whose step sizes may have changed.
        value: the adjoint of a state in the unit of the right-hand side, which says how much is rounding.
    """

    advance: Callable[[Any], Any]
    look: Callable[[Any], tuple[Any, Float[Array, ""]]]
    value: Callable[[Any], Float[Array, "..."]]


class JointEnd(NamedTuple):
    """Where the iteration ended.

    Attributes:
        state: the solution and its adjoint.
        steps: made.
        residual: of the adjoint equation at that solution.
        converged: whether that is the tolerance, or rounding.
    """

    state: Any
    steps: Int[Array, ""]
    residual: Float[Array, ""]
    converged: Bool[Array, ""]


def iterate_jointly(form: JointForm, start: Any, max_steps: int, tolerance: Tolerance) -> JointEnd:
    """Step until the adjoint's relative residual is at most the tolerance or rounding, or is no number.

    The equation is that at the solution of the same state: where this still moves, so does the equation.
    Composes with `jit` and `vmap`.

    Args:
        form: the iteration.
        start: the state to begin at.
        max_steps: at most so many steps.
        tolerance: of the residual.
    """
    every = min(LOOK_EVERY, max_steps)

    def running(now: tuple[Any, Array, Array]) -> Array:
        state, steps, residual = now
        # NaN compares false: an iteration that is no longer finite stops.
        missed = (residual > tolerance) & ~has_converged(residual, 0.0, form.value(state))
        return missed & (steps + every <= max_steps)

    def advance(now: tuple[Any, Array, Array]) -> tuple[Any, Array, Array]:
        state = jax.lax.scan(lambda state, _: (form.advance(state), None), now[0], length=every)[0]
        state, residual = form.look(state)
        return state, now[1] + every, residual

    dtype = jax.eval_shape(form.look, start)[1].dtype
    begun = differing_as((start, jnp.zeros((), jnp.int32), jnp.full((), jnp.inf, dtype)), start)
    state, steps, residual = jax.lax.while_loop(running, advance, begun)
    return JointEnd(state, steps, residual, has_converged(residual, tolerance, form.value(state)))
