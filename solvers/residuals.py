"""Relative optimality measures, for smooth energies, for l1, and for fixed points; whatever the solver.

Without an energy the operator stands where the gradient does, and beside a prox the scaled move does:

- smooth energies: ||grad E(x)|| / ||A^T y||,
- operators: ||A^T (A x - y) + R(x)|| / ||A^T y||,
- proximal maps: ||x - T(x)|| / (tau ||A^T y||), T the map with the step size tau.

The last is the first two where T takes a forward step alone. Of a genuine prox it vanishes at the same x for
every tau; of a denoiser in its place the solution itself depends on tau, which is then the solver's.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..problems.arrays.euclidean_norm import euclidean_norm
from ..problems.lower_level import LowerLevel
from .analysis_l1_problem import SquaredNorms, penalty_of, squared_norms
from .dual_norm import gaps, inside_bounds
from .fixed_point_map import map_move


def gradient_residual(lower: LowerLevel, x: Float[Array, "..."]) -> Float[Array, ""]:
    """Return ||grad E(x)|| / ||A^T y||, without a unit; the operator's norm where there is no energy."""
    return euclidean_norm(lower.operator(x)) / gradient_scale(lower)


def fixed_point_residual(
    lower: LowerLevel, x: Float[Array, "..."], tau: Float[Array, ""]
) -> Float[Array, ""]:
    """Return ||T(x) - x|| / (tau ||A^T y||),  T the forward or forward-backward map with step size tau."""
    return euclidean_norm(map_move(lower, x, tau)) / (tau * gradient_scale(lower))


def kkt_residual(
    lower: LowerLevel,
    x: Float[Array, "..."],
    u: Float[Array, "..."],
    norms: SquaredNorms | None = None,
) -> Float[Array, ""]:
    """Return the largest of three relative violations of optimality of (x, u), u the dual variable of W x.

    - stationarity  ||A^T(Ax - y) + W^T u|| / ||A^T y||,
    - the dual's fixed-point residual  ||W|| ||u - clip(u + c W x, -weight, weight)|| / ||A^T y||,
    - the duality gap  sum_i weight_i |w_i x| - u_i w_i x,  over ||A^T y||^2 / ||A||^2,

    with groups' norms in the place of magnitudes for a norm of groups; c = ||A||^2 / ||W||^2. None of them
    has a unit: y, A and W can be measured in any. The gap in this form is a sum of nonnegative terms for a
    feasible u, free of the cancellation of primal minus dual value; it is the duality gap exactly where
    (x, u) is stationary.

    Args:
        lower: l1 problem, or one of a norm of groups, any A.
        x: the signal.
        u: the dual variable, shape of W x.
        norms: of A and W, if they are known already: they cost as much as a step.
    """
    regularizer = penalty_of(lower)
    responses = regularizer.W(x)
    norms = squared_norms(lower, x.shape) if norms is None else norms
    scale = gradient_scale(lower)
    stationarity = euclidean_norm(lower.data_gradient(x) + regularizer.W.adjoint(u)) / scale
    moved = u - inside_bounds(regularizer, u + norms.dual_unit * responses)
    fixed_point = jnp.sqrt(norms.W) * euclidean_norm(moved) / scale
    gap = jnp.sum(gaps(regularizer, u, responses / scale)) * (norms.A / scale)
    return jnp.maximum(jnp.maximum(stationarity, fixed_point), jnp.abs(gap))


def gradient_scale(lower: LowerLevel) -> Float[Array, ""]:
    """Return ||A^T y||, by which residuals are divided; one for a measurement of zeros."""
    # A measurement of zeros has the solution zero; dividing by one keeps its residual a number.
    norm = euclidean_norm(lower.A.adjoint(lower.y))
    return jnp.where(norm > 0, norm, jnp.ones_like(norm))
