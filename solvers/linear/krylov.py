"""What the Krylov methods that lineax runs share."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.arrays.mesh_axes import types_tell_devices_apart
from ...problems.values.validation import is_known
from .linear_solver import LinearSolution, Matvec, checked, normalized

Tolerance = float | Float[Array, ""]
"""A number, or an array of the right-hand side's dtype: one compiled program then serves many tolerances."""


def require_limits(max_steps: int, tolerance: Tolerance) -> None:
    """Raise `ValueError` if an iteration may make no step, or would be done before its first one."""
    if max_steps < 1 or (is_known(tolerance) and not 0 <= tolerance < 1):
        raise ValueError(
            f"max_steps must be at least 1 and tolerance at least 0 and below 1, relative; got {max_steps} "
            f"and {tolerance}"
        )


def reachable(tolerance: Tolerance, dtype: Any) -> Tolerance:
    """Return the tolerance, or ten times the dtype's precision where that is more."""
    least = 10 * float(jnp.finfo(dtype).eps)
    return jnp.maximum(tolerance, least) if isinstance(tolerance, jax.Array) else max(tolerance, least)


def solve_with_lineax(
    method: Callable[..., Any],
    matvec: Matvec,
    rhs: Float[Array, "*shape"],
    tolerance: Tolerance,
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
    if types_tell_devices_apart():
        raise _no_solve_inside()
    unit, norm = normalized(rhs)
    # Of the product: inside `jax.shard_map` its type names the mesh, and lineax compares the two.
    like = jax.eval_shape(matvec, unit)
    options: dict[str, Any] = {} if start is None else {"y0": start / norm}
    if preconditioner is not None:
        options["preconditioner"] = lineax.FunctionLinearOperator(preconditioner, like, tags)
    # A relative tolerance alone would ask every entry of a sparse right-hand side to vanish exactly.
    tolerance = reachable(tolerance, rhs.dtype)
    solver = method(rtol=0.0, atol=tolerance, norm=euclidean_norm)
    operator = lineax.FunctionLinearOperator(matvec, like, tags)
    try:
        found = lineax.linear_solve(operator, unit, solver, options=options, throw=False)
    except ValueError as error:
        if not jax.sharding.get_abstract_mesh().manual_axes:
            raise
        raise _no_solve_inside() from error
    # On a right-hand side of zeros some of them divide zero by zero.
    value = jnp.where(jnp.any(unit != 0), found.value, jnp.zeros_like(unit))
    return checked(matvec, unit, value, norm, found.stats["num_steps"], tolerance)


def _no_solve_inside() -> TypeError:
    """Return the error for a solver of lineax on one of several devices, whose types it does not follow."""
    return TypeError(
        "Gmres, BiCgStab and NormalCg are lineax's, which does not follow this jax.shard_map or jax.pmap: "
        "take AndersonRichardson(), as in Implicit(linear=AndersonRichardson(), on='fixed-point'), or share "
        "the batch by jax.jit with NamedSharding in its place"
    )
