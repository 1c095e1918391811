"""The residual of a fixed-point map, whatever its step size."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ..fixed_point_map import Scale, is_backward
from ..residuals import fixed_point_residual


def map_residual(
    lower: LowerLevel, x: Float[Array, "..."], tau: Float[Array, ""], step_scale: Scale
) -> Float[Array, ""]:
    """Return ||T(x) - x|| / (min(tau, 1/L) ||A^T y||),  T the map with step size tau = step_scale / L.

    Beside a prox a move grows with tau but its quotient by tau falls: what a prox or a denoiser keeps within
    bounds would pass for a fixed point under a large step. Where T takes a forward step alone, the quotient
    by tau is the same for every tau.
    Source: Beck, 2017, theorem 10.9 (monotonicity of the gradient mapping).
    """
    residual = fixed_point_residual(lower, x, tau)
    if not is_backward(lower):
        return residual
    return jnp.maximum(jnp.asarray(step_scale, residual.dtype), 1) * residual
