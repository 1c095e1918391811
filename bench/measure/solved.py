"""Is what a method returned a solution of the problem? A wrong shape would broadcast, and pass for one."""

from typing import Any

import jax
import jax.numpy as jnp

from ...solvers.solver import Solution


def require_solution(found: Any, truth: jax.Array) -> None:
    """Raise `TypeError` unless `found` is a `Solution` with scalars and an x like `truth`; also traced."""
    if not isinstance(found, Solution):
        raise TypeError(f"the method returned {type(found).__name__}; a Solution is accepted")
    if jnp.shape(found.x) != truth.shape or jnp.result_type(found.x) != truth.dtype:
        raise TypeError(
            f"the solution's x is {_kind(found.x)}; what is accepted is that of the ground truth, "
            f"{_kind(truth)}"
        )
    for name in ("steps", "residual", "status"):
        value = getattr(found, name)
        if value is None or jnp.shape(value) != ():
            raise TypeError(f"the solution's {name} is {_kind(value)}; a scalar is accepted")


def _kind(value: Any) -> str:
    return "None" if value is None else f"{jnp.result_type(value)}{list(jnp.shape(value))}"
