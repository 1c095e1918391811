"""Linear solves whose derivatives are solves of their own, to any order."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...problems.arrays.mesh_axes import types_tell_devices_apart
from .linear_solver import LinearSolution, LinearSolver, Matvec, unchanged


def solve_implicitly(
    linear: LinearSolver,
    matvec: Matvec,
    rhs: Float[Array, "*shape"],
    *,
    start: Float[Array, "*shape"] | None = None,
    preconditioner: Matvec | None = None,
) -> LinearSolution:
    """Solve H v = rhs; the derivative of v is  H^{-1} (d rhs - dH v)  by the same solver, begun at zero.

    Differentiating the solver's iterations instead would leave what a start or a stopping rule decided in
    the derivative: tangents lag behind a good start, and a transposed solve that begins at the primal
    solution drowns a small cotangent. Forward and reverse mode, to any order; residual and steps have no
    derivative, and neither has anything through `start` or the preconditioner. Reverse mode solves with H^T.
    Source: Christianson, 1994 (implicit reverse accumulation).

    Args:
        linear: how to solve.
        matvec: H, a linear function from the shape of `rhs` to itself; it may close over traced arrays.
        rhs: the right-hand side.
        start: a guess of the solution, for this solve alone.
        preconditioner: an approximation of H^{-1}; its transpose is used for solves with H^T.
    """
    if start is None:
        return _Cold(linear, preconditioner).solve(matvec, rhs)
    # A function with a rule of its own must not close over traced arrays: they become its arguments.
    product, constants = jax.closure_convert(matvec, rhs)
    inverse, kept = jax.closure_convert(preconditioner or unchanged, rhs)

    @jax.custom_jvp
    def solved(constants: Any, kept: Any, rhs: Array, start: Array) -> LinearSolution:
        approximate = None if preconditioner is None else lambda v: inverse(v, *kept)
        return linear.solve_linear(
            lambda v: product(v, *constants), rhs, start=start, preconditioner=approximate
        )

    @solved.defjvp
    def rule(primals: Any, tangents: Any) -> tuple[LinearSolution, LinearSolution]:
        constants, kept, _, _ = primals
        found = solved(*primals)
        moved = jax.jvp(lambda one: product(found.value, *one), (constants,), (tangents[0],))[1]
        approximate = None if preconditioner is None else lambda v: inverse(v, *kept)
        cold = _Cold(linear, approximate)
        tangent = cold.solve(lambda v: product(v, *constants), tangents[2] - moved).value
        return found, no_tangent(found)._replace(value=tangent)

    return solved(constants, kept, rhs, start)


class _Cold(NamedTuple):
    """A solve that begins at zero, and so is linear in its right-hand side, as JAX's rule demands."""

    linear: LinearSolver
    preconditioner: Matvec | None

    def solve(self, matvec: Matvec, rhs: Float[Array, "*shape"]) -> LinearSolution:
        """Solve; JAX differentiates the solution as a solution, forward and reverse, to any order."""
        symmetric = self.linear.traits.symmetric_only

        def run(matvec: Matvec, right: Array) -> tuple[Array, Any]:
            found = self.linear.solve_linear(matvec, right, preconditioner=self.preconditioner)
            return found.value, found[1:]

        def across(matvec: Matvec, right: Array) -> tuple[Array, Any]:
            held = None if self.preconditioner is None else _transposed(self.preconditioner, right)
            found = self.linear.solve_linear(matvec, right, preconditioner=held)
            return found.value, found[1:]

        value, account = jax.lax.custom_linear_solve(
            matvec, rhs, run, run if symmetric else across, symmetric=symmetric, has_aux=True
        )
        return LinearSolution(value, *account)


def no_tangent(tree: Any) -> Any:
    """Return the tangent of what does not move: zeros; for whole numbers what JAX takes in their place."""

    def still(leaf: Array) -> Any:
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return jnp.zeros_like(leaf)
        if types_tell_devices_apart():
            return jax.custom_derivatives.zero_from_primal(leaf, symbolic_zeros=True)
        return np.zeros(leaf.shape, jax.dtypes.float0)

    return jax.tree.map(still, tree)


def _transposed(matvec: Matvec, like: Float[Array, "..."]) -> Matvec:
    transposed = jax.linear_transpose(matvec, like)
    return lambda v: transposed(v)[0]
