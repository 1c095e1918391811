"""The multiplier of the active rows where A is the identity: W0 W0^T mu = W0 g, zero on the other rows."""

import jax.numpy as jnp
from jax.lax import Precision
from jax.scipy.linalg import cho_solve, cholesky
from jaxtyping import Array, Bool, Float

from ..problems.linear_operator import LinearOperator
from ..solvers.linear_solver import LinearSolver, normalized
from .method import Backward

REFINEMENTS = 1


def project_dense(
    matrix: Float[Array, "k n"], active: Bool[Array, " k"], g: Float[Array, " n"]
) -> tuple[Float[Array, " k"], Backward]:
    """Solve by Cholesky of the Gram matrix of the active rows, its inactive rows replaced by the identity's.

    Dependent rows make the Gram matrix singular: a relative ridge of 100 k eps keeps the factorisation
    finite, and iterative refinement takes the ridge out again, so that v = g - W0^T mu is the projection
    either way.
    """
    # Masks go on vectors and on the finished Gram matrix, never on the rows: in a batch that shares W,
    # products with W then stay matrix products and the Gram matrix is formed once.
    gram = jnp.matmul(matrix, matrix.T, precision=Precision.HIGHEST)
    largest = jnp.max(jnp.where(active, jnp.diagonal(gram), 0.0))
    unit = jnp.where(largest > 0, largest, jnp.ones_like(largest))
    ridge = 100 * gram.shape[0] * jnp.finfo(gram.dtype).eps * unit
    masked = jnp.where(active[:, None] & active[None, :], gram, jnp.zeros_like(gram))
    factor = cholesky(masked + jnp.diag(jnp.where(active, ridge, unit)), lower=True)
    direction, norm = normalized(g)

    def unexplained(mu: Array) -> Array:
        left = direction - jnp.matmul(mu, matrix, precision=Precision.HIGHEST)
        return jnp.where(active, jnp.matmul(matrix, left, precision=Precision.HIGHEST), jnp.zeros_like(mu))

    responses = jnp.matmul(matrix, direction, precision=Precision.HIGHEST)
    mu = cho_solve((factor, True), jnp.where(active, responses, jnp.zeros_like(responses)))
    for _ in range(REFINEMENTS):
        mu = mu + cho_solve((factor, True), unexplained(mu))
    residual = jnp.sqrt(jnp.sum(jnp.square(unexplained(mu))) / unit)
    # A pivot of a dependent row is the ridge, up to rounding.
    rank = jnp.sum(active & (jnp.square(jnp.diagonal(factor)) > 100 * ridge))
    return norm * mu, Backward(residual, jnp.ones((), jnp.int32), jnp.sum(active), rank)


def project_matrix_free(
    W: LinearOperator, active: Bool[Array, "*range"], g: Float[Array, "*shape"], linear: LinearSolver
) -> tuple[Float[Array, "*range"], Backward]:
    """Solve with an iterative solver on the Gram operator restricted to the active rows.

    Consistent even where rows are dependent; conjugate gradients from zero then return the smallest mu.
    """

    def keep(u: Array) -> Array:
        return jnp.where(active, u, jnp.zeros_like(u))

    def gram(u: Array) -> Array:
        return keep(W(W.adjoint(keep(u))))

    solution = linear.solve_linear(gram, keep(W(g)))
    return keep(solution.value), Backward(solution.residual, solution.steps, jnp.sum(active))
