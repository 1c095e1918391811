"""Total variation, set up in one call."""

from jaxtyping import Array, Float

from .analysis_l1 import AnalysisL1
from .forward_differences import ForwardDifferences


def total_variation(weight: Float[Array, "..."] | float = 0.1) -> AnalysisL1:
    """Return anisotropic total variation: R(x) = sum_i weight_i |(W x)_i|, W forward differences.

    For signals (n,), images (h, w) and colour images (h, w, 3); nothing is counted across the border. A
    weight map, shape (2, h, w), or (1, h, w) for both directions, can be learned.

    Args:
        weight: see `AnalysisL1`.
    """
    return AnalysisL1(ForwardDifferences(), weight)
