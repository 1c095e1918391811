"""The multiplier of the active rows where A is the identity: W0 W0^T mu = W0 g - h0, zero on the others."""

import jax.numpy as jnp
from jax.lax import Precision
from jax.scipy.linalg import cho_solve, cholesky
from jaxtyping import Array, Bool, Float

from ...problems.linear_operator import LinearOperator
from ...solvers.linear.linear_solver import LinearSolver, has_converged
from ..method import Backward

REFINEMENTS = 1


def project_dense(
    matrix: Float[Array, "k n"],
    active: Bool[Array, " k"],
    g: Float[Array, " n"],
    below: Float[Array, " k"],
) -> tuple[Float[Array, " k"], Backward]:
    """Solve by Cholesky of the Gram matrix of the active rows, its inactive rows replaced by the identity's.

    Dependent rows make the Gram matrix singular: a relative ridge of 100 k eps keeps the factorisation
    finite, and iterative refinement takes the ridge out again, so that v = g - W0^T mu is the projection
    either way.

    Args:
        matrix: W.
        active: its active rows.
        g: the cotangent of x, of a size near one.
        below: h, the cotangent of the dual variable; read on the active rows.
    """
    # Masks go on vectors and on the finished Gram matrix, never on the rows: in a batch that shares W,
    # products with W then stay matrix products and the Gram matrix is formed once.
    gram = jnp.matmul(matrix, matrix.T, precision=Precision.HIGHEST)
    largest = jnp.max(jnp.where(active, jnp.diagonal(gram), 0.0))
    unit = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    ridge = 100 * gram.shape[0] * jnp.finfo(gram.dtype).eps * unit
    masked = jnp.where(active[:, None] & active[None, :], gram, jnp.zeros_like(gram))
    factor = cholesky(masked + jnp.diag(jnp.where(active, ridge, unit)), lower=True)
    none = jnp.zeros_like(below)

    def unexplained(mu: Array) -> Array:
        left = g - jnp.matmul(mu, matrix, precision=Precision.HIGHEST)
        return jnp.where(active, jnp.matmul(matrix, left, precision=Precision.HIGHEST) - below, none)

    mu = cho_solve((factor, True), unexplained(none))
    for _ in range(REFINEMENTS):
        mu = mu + cho_solve((factor, True), unexplained(mu))
    residual = jnp.sqrt(jnp.sum(jnp.square(unexplained(mu))) / unit)
    # A pivot of a dependent row is the ridge, up to rounding.
    rank = jnp.sum(active & (jnp.square(jnp.diagonal(factor)) > 100 * ridge))
    converged = has_converged(residual, 0.0, jnp.sqrt(unit) * mu)
    return mu, Backward(residual, jnp.ones((), jnp.int32), jnp.sum(active), rank, converged=converged)


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
