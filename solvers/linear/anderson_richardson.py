"""Anderson acceleration of the fixed-point iteration of a linear system."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ...problems.values.configuration import configuration
from .krylov import Tolerance, reachable, require_limits
from .linear_solver import LinearSolution, Matvec, checked, normalized
from .linear_solver_traits import LinearSolverTraits

_RIDGES = 50
"""Of the least-squares problem, over the precision: less would leave it singular where changes are alike."""


class _Memory(NamedTuple):
    """The solution so far, what it leaves, the last moves of both as rows, and steps made."""

    value: Float[Array, " n"]
    left: Float[Array, " n"]
    moves: Float[Array, "m n"]
    changes: Float[Array, "m n"]
    steps: Int[Array, ""]


@configuration
class AndersonRichardson:
    """Accelerate `Richardson` by the last moves: those of the residual are combined to cancel most of it.

    For linear systems it is GMRES with a sliding window; it converges where `Richardson` does, and often
    where that does not. A preconditioner M acts on the residual. Keeps 2 `memory` vectors.
    Source: Anderson, 1965; Walker and Ni, 2011.

    Args:
        memory: how many moves are combined.
        max_steps: iterations at most.
        tolerance: relative residual at which to stop; never asked below ten times the dtype's precision.

    Raises:
        ValueError: if `memory` or `max_steps` is below 1 or `tolerance` is not at least 0 and below 1.
    """

    memory: int = 5
    max_steps: int = 2000
    tolerance: Tolerance = 1e-10
    traits = LinearSolverTraits()

    def __post_init__(self) -> None:
        require_limits(self.max_steps, self.tolerance)
        if self.memory < 1:
            raise ValueError(f"memory must be at least 1; got {self.memory}")

    def solve_linear(
        self,
        matvec: Matvec,
        rhs: Float[Array, "*shape"],
        *,
        start: Float[Array, "*shape"] | None = None,
        preconditioner: Matvec | None = None,
    ) -> LinearSolution:
        """Solve for one right-hand side of any shape."""
        unit, norm = normalized(rhs)
        tolerance = reachable(self.tolerance, rhs.dtype)

        def left_by(value: Array) -> Array:
            left = unit - matvec(value.reshape(rhs.shape))
            return (left if preconditioner is None else preconditioner(left)).ravel()

        def running(now: _Memory) -> Array:
            return (jnp.sum(jnp.square(now.left)) > tolerance**2) & (now.steps < self.max_steps)

        def advance(now: _Memory) -> _Memory:
            gram = now.changes @ now.changes.T
            # Rows that are not filled yet are zero: the ridge keeps their share at zero.
            ridge = _RIDGES * jnp.finfo(rhs.dtype).eps * jnp.trace(gram) + jnp.finfo(rhs.dtype).tiny
            shares = jnp.linalg.solve(
                gram + ridge * jnp.eye(self.memory, dtype=rhs.dtype), now.changes @ now.left
            )
            value = now.value + now.left - shares @ (now.moves + now.changes)
            left = left_by(value)
            slot = now.steps % self.memory
            return _Memory(
                value,
                left,
                now.moves.at[slot].set(value - now.value),
                now.changes.at[slot].set(left - now.left),
                now.steps + 1,
            )

        first = (jnp.zeros_like(unit) if start is None else start / norm).ravel()
        empty = jnp.zeros((self.memory, rhs.size), rhs.dtype)
        begun = _Memory(first, left_by(first), empty, empty, jnp.zeros((), jnp.int32))
        found = jax.lax.while_loop(running, advance, differing_as(begun, begun))
        return checked(matvec, unit, found.value.reshape(rhs.shape), norm, found.steps, tolerance)
