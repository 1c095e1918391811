"""What the Krylov methods that lineax runs share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Array, Float

from .linear_solver import LinearSolution, Matvec, checked, normalized


def require_limits(max_steps: int, tolerance: float) -> None:
    """Raise `ValueError` if an iteration may make no step, or its tolerance is negative."""
    if max_steps < 1 or not tolerance >= 0:
        raise ValueError(
            f"max_steps must be at least 1 and tolerance at least 0; got {max_steps} and {tolerance}"
        )


def reachable(tolerance: float, dtype: Any) -> float:
    """Return the tolerance, or ten times the dtype's precision where that is more."""
    return max(tolerance, 10 * float(jnp.finfo(dtype).eps))


def solve_with_lineax(
    method: Callable[..., Any],
    matvec: Matvec,
    rhs: Float[Array, "*shape"],
    tolerance: float,
    start: Float[Array, "*shape"] | None,
    preconditioner: Matvec | None,
    tags: object = (),
) -> LinearSolution:
    """Solve H v = rhs, scaled to a right-hand side of norm one.

    Args:
        method: makes lineax's solver from its tolerances and norm.
        matvec: H.
        rhs: of any shape.
        tolerance: of the residual's norm over that of `rhs`.
        start: a guess, or None.
        preconditioner: an approximation of H^{-1}, or None.
        tags: lineax's, of H and of the preconditioner.
    """
    unit, norm = normalized(rhs)
    like = jax.ShapeDtypeStruct(rhs.shape, rhs.dtype)
    options: dict[str, Any] = {} if start is None else {"y0": start / norm}
    if preconditioner is not None:
        options["preconditioner"] = lineax.FunctionLinearOperator(preconditioner, like, tags)
    # A relative tolerance alone would ask every entry of a sparse right-hand side to vanish exactly.
    solver = method(rtol=0.0, atol=reachable(tolerance, rhs.dtype), norm=_norm)
    operator = lineax.FunctionLinearOperator(matvec, like, tags)
    found = lineax.linear_solve(operator, unit, solver, options=options, throw=False)
    # On a right-hand side of zeros some of them divide zero by zero.
    value = jnp.where(jnp.any(unit != 0), found.value, jnp.zeros_like(unit))
    return checked(matvec, unit, value, norm, found.stats["num_steps"])


def _norm(residual: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(residual)))
