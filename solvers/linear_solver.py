"""What the linear solvers of adjoint equations offer."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int


class LinearSolution(NamedTuple):
    """The end of a linear solve.

    Attributes:
        value: the solution, shape of the right-hand side.
        residual: ||H value - rhs|| / ||rhs||, computed afresh.
        steps: iterations made, a scalar; 1 for a direct solve.
    """

    value: Float[Array, "..."]
    residual: Float[Array, ""]
    steps: Int[Array, ""]


@runtime_checkable
class LinearSolver(Protocol):
    """A way to solve H v = rhs with H symmetric, given as a function."""

    def solve_linear(self, matvec: Callable[[Array], Array], rhs: Float[Array, "*shape"]) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        ...


def normalized(rhs: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
    """Return rhs / ||rhs|| and ||rhs||: iterations underflow on a tiny right-hand side, and 0 stays 0."""
    largest = jnp.max(jnp.abs(rhs))
    safe = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    norm = safe * jnp.sqrt(jnp.sum(jnp.square(rhs / safe)))
    norm = jnp.where(norm > 0, norm, jnp.ones_like(norm))
    return rhs / norm, norm


def checked(
    matvec: Callable[[Array], Array], unit: Array, value: Array, norm: Array, steps: Array
) -> LinearSolution:
    """Measure the true residual for the normalised right-hand side `unit`, and scale back."""
    residual = jnp.sqrt(jnp.sum(jnp.square(matvec(value) - unit)))
    return LinearSolution(norm * value, residual, jnp.asarray(steps, jnp.int32))
