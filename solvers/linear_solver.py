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


Matvec = Callable[[Array], Array]


@runtime_checkable
class LinearSolver(Protocol):
    """A way to solve H v = rhs with H given as a function.

    A solver that needs a symmetric H says `symmetric_only = True`; otherwise any invertible one will do.
    """

    def solve_linear(
        self,
        matvec: Matvec,
        rhs: Float[Array, "*shape"],
        *,
        start: Float[Array, "*shape"] | None = None,
        preconditioner: Matvec | None = None,
    ) -> LinearSolution:
        """Solve for one right-hand side of any shape.

        Args:
            matvec: H, a linear function from the shape of `rhs` to itself.
            rhs: the right-hand side; solvers are invariant to its scale.
            start: a guess of the solution, for iterations; zero if None.
            preconditioner: an approximation of H^{-1}, symmetric positive definite where H is, for
                iterations; direct solvers ignore it.
        """
        ...


def normalized(rhs: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
    """Return rhs / ||rhs|| and ||rhs||: iterations underflow on a tiny right-hand side, and 0 stays 0."""
    largest = jnp.max(jnp.abs(rhs))
    safe = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    norm = safe * jnp.sqrt(jnp.sum(jnp.square(rhs / safe)))
    norm = jnp.where(norm > 0, norm, jnp.ones_like(norm))
    return rhs / norm, norm


def checked(matvec: Matvec, unit: Array, value: Array, norm: Array, steps: Array) -> LinearSolution:
    """Measure the true residual for the normalised right-hand side `unit`, and scale back."""
    residual = jnp.sqrt(jnp.sum(jnp.square(matvec(value) - unit)))
    return LinearSolution(norm * value, residual, jnp.asarray(steps, jnp.int32))
