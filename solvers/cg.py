"""Conjugate gradients, lineax's."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import lineax
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from .linear_solver import LinearSolution, checked, normalized


@configuration
class Cg:
    """Solve a symmetric positive (semi)definite system with conjugate gradients.

    Matrix-free; wrong, without a warning but with a large residual, for indefinite systems, as a nonconvex
    energy has away from a minimiser. Source: Hestenes and Stiefel, 1952.

    Args:
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `max_steps` is below 1 or `tolerance` is negative.
    """

    max_steps: int = 1000
    tolerance: float = 1e-10

    def __post_init__(self) -> None:
        if self.max_steps < 1 or not self.tolerance >= 0:
            raise ValueError(
                f"max_steps must be at least 1 and tolerance at least 0; "
                f"got {self.max_steps} and {self.tolerance}"
            )

    def solve_linear(self, matvec: Callable[[Array], Array], rhs: Float[Array, "*shape"]) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        unit, norm = normalized(rhs)
        tolerance = max(self.tolerance, 10 * float(jnp.finfo(rhs.dtype).eps))
        operator = lineax.FunctionLinearOperator(
            matvec, jax.ShapeDtypeStruct(rhs.shape, rhs.dtype), lineax.positive_semidefinite_tag
        )
        # A relative tolerance alone would ask every entry of a sparse right-hand side to vanish exactly.
        method = lineax.CG(rtol=0.0, atol=tolerance, norm=_norm, max_steps=self.max_steps)
        result = lineax.linear_solve(operator, unit, method, throw=False)
        return checked(matvec, unit, result.value, norm, result.stats["num_steps"])


def _norm(residual: Array) -> Array:
    return jnp.sqrt(jnp.sum(jnp.square(residual)))
