"""Which active rows of an l1 solution are not certain, as far as a gradient depends on it."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import penalty_of, squared_norm_of_A
from ...solvers.certificate import AMBIGUITY
from ...solvers.dual_norm import norms_of, weights_of
from ...solvers.linear.linear_solver import normalized
from .analysis_pairing import ActivePoint


def undecided_rows(lower: LowerLevel, point: ActivePoint, mu: Float[Array, "*range"]) -> Int[Array, ""]:
    """Return how many active rows the pair's own error could move to their bound along the multiplier.

    Where active rows are nearly dependent a dual variable can be off by far more than its residual: along a
    direction m of norm one by about

        t = ||A^T(A x - y) + W^T u|| / ||W0^T m|| + ||A||^2 |<m, W0 x>| / ||W0^T m||^2.

    The direction asked is mu / ||mu||: a row that is active and should not be makes just that one large, and
    the gradient with it, by 1 / ||W0^T m||. Rows with weight_i - |u_i| < 10 t |m_i| are counted. The
    certificate's `ambiguous` has ||W|| in the place of ||W0^T m||, and so misses them. Along directions that
    the multiplier does not have nothing is said; see `dependent_rows`.

    Args:
        lower: l1 problem, or one of a norm of groups, any A.
        point: the pair and its active rows.
        mu: multiplier of the adjoint equation, zero on the other rows.
    """
    regularizer = penalty_of(lower)
    W = regularizer.W
    direction = normalized(mu)[0]
    steepness = euclidean_norm(W.adjoint(direction))
    safe = jnp.where(steepness > 0, steepness, jnp.ones_like(steepness))
    unbalanced = euclidean_norm(lower.data_gradient(point.x) + W.adjoint(point.u)) / safe
    slope = jnp.abs(jnp.vdot(direction, W(point.x))) / safe
    error = unbalanced + squared_norm_of_A(lower, point.x.shape) * slope / safe
    room = jnp.maximum(weights_of(regularizer, point.u) - norms_of(regularizer, point.u), 0)
    return jnp.sum(point.active & (room < AMBIGUITY * error * norms_of(regularizer, direction)))
