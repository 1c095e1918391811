"""Is what a method returned a solution of the problem? A wrong shape would broadcast, and pass for one."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Shaped

from ...solvers.solver import Solution


def require_solution(returned: Any, truth: Shaped[Array, "..."]) -> None:
    """Check that a method returned a `Solution`, with scalars and an x like the ground truth.

    Works on traced arrays too.

    Raises:
        TypeError: for anything else.
    """
    if not isinstance(returned, Solution):
        raise TypeError(f"the method returned {type(returned).__name__}; a Solution is accepted")
    if jnp.shape(returned.x) != truth.shape or jnp.result_type(returned.x) != truth.dtype:
        raise TypeError(
            f"the solution's x is {_kind(returned.x)}; what is accepted is that of the ground truth, "
            f"{_kind(truth)}"
        )
    for name in ("steps", "residual", "status"):
        value = getattr(returned, name)
        if value is None or jnp.shape(value) != ():
            raise TypeError(f"the solution's {name} is {_kind(value)}; a scalar is accepted")


def _kind(value: Any) -> str:
    return "None" if value is None else f"{jnp.result_type(value)}{list(jnp.shape(value))}"
