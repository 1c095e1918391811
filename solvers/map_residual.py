"""The residual of a fixed-point map, whatever its step size."""

from jaxtyping import Array, Float

from ..problems.lower_level import LowerLevel
from .fixed_point_map import is_backward
from .residuals import fixed_point_residual


def map_residual(
    lower: LowerLevel, x: Float[Array, "..."], tau: Float[Array, ""], step_scale: float
) -> Float[Array, ""]:
    """Return ||T(x) - x|| / (min(tau, 1/L) ||A^T y||),  T the map with step size tau = step_scale / L.

    Beside a prox a move grows with tau but its quotient by tau falls: what a prox or a denoiser keeps within
    bounds would pass for a fixed point under a large step. Where T takes a forward step alone, the quotient
    by tau is the same for every tau.
    Source: Beck, 2017, theorem 10.9 (monotonicity of the gradient mapping).
    """
    residual = fixed_point_residual(lower, x, tau)
    return max(1.0, step_scale) * residual if is_backward(lower) else residual
