"""The multiplier of the active rows where A is the identity: W0 W0^T mu = W0 g - h0, zero on the others."""

from typing import NamedTuple

import jax.numpy as jnp
from jax.lax import Precision
from jax.scipy.linalg import cholesky
from jaxtyping import Array, Bool, Float, Int

from ...problems.linear_operator import LinearOperator
from ...solvers.linear.linear_solver import LinearSolver, has_converged
from ..method import Backward
from .compact_cholesky import ridge_of
from .shared_matrix import project_many


class RowsSolution(NamedTuple):
    """The point v = g - W0^T mu with W0 v = h0, its multiplier mu, and an account of the solve."""

    v: Float[Array, "..."]
    mu: Float[Array, "..."]
    account: Backward


def project_dense(
    matrix: Float[Array, "k n"],
    active: Bool[Array, " k"],
    g: Float[Array, " n"],
    below: Float[Array, " k"],
) -> RowsSolution:
    """Solve to rounding: by a few conjugate-gradient steps, or by a factorisation where they are not enough.

    Args:
        matrix: W.
        active: its active rows.
        g: the cotangent of x, of a size near one.
        below: h, the cotangent of the dual variable; read on the active rows.
    """
    v, mu, steps = (
        part[0, 0] for part in project_many(matrix, active[None], g[None, None], below[None, None])
    )
    # Who takes the gradient alone does not pay for the account: XLA drops what nobody reads.
    above = g - v - jnp.matmul(mu, matrix, precision=Precision.HIGHEST)
    inside = jnp.matmul(matrix, v, precision=Precision.HIGHEST) - below
    inside = jnp.where(active, inside, jnp.zeros_like(inside))
    unit, _ = ridge_of(jnp.sum(jnp.square(matrix), axis=1), active, matrix.shape[0])
    residual = jnp.sqrt(jnp.sum(jnp.square(above)) + jnp.sum(jnp.square(inside)) / unit)
    converged = has_converged(residual, 0.0, jnp.sqrt(unit) * mu)
    rank = _rank(matrix, active)
    return RowsSolution(v, mu, Backward(residual, steps, jnp.sum(active), rank, converged=converged))


def _rank(matrix: Float[Array, "k n"], active: Bool[Array, " k"]) -> Int[Array, ""]:
    """Return the numerical rank of the active rows: in their Gram matrix's factor, pivots above rounding."""
    gram = jnp.matmul(matrix, matrix.T, precision=Precision.HIGHEST)
    unit, ridge = ridge_of(jnp.diagonal(gram), active, matrix.shape[0])
    masked = jnp.where(active[:, None] & active[None, :], gram, jnp.zeros_like(gram))
    factor = cholesky(masked + jnp.diag(jnp.where(active, ridge, unit)), lower=True)
    # A pivot of a dependent row is the ridge, up to rounding.
    return jnp.sum(active & (jnp.square(jnp.diagonal(factor)) > 100 * ridge))


def project_matrix_free(
    W: LinearOperator,
    active: Bool[Array, "*range"],
    g: Float[Array, "*shape"],
    below: Float[Array, "*range"],
    linear: LinearSolver,
) -> tuple[Float[Array, "*range"], Backward]:
    """Solve with an iterative solver on the Gram operator restricted to the active rows.

    Consistent even where rows are dependent; conjugate gradients from zero then return the smallest mu.
    """

    def keep(u: Array) -> Array:
        return jnp.where(active, u, jnp.zeros_like(u))

    def gram(u: Array) -> Array:
        return keep(W(W.adjoint(keep(u))))

    solution = linear.solve_linear(gram, keep(W(g) - below))
    account = Backward(solution.residual, solution.steps, jnp.sum(active), converged=solution.converged)
    return keep(solution.value), account
