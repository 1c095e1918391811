"""Total variation, set up in one call."""

from jaxtyping import Array, Float

from ...operators.forward_differences import ForwardDifferences
from .analysis_l1 import AnalysisL1
from .analysis_l12 import AnalysisL12


def total_variation(
    weight: Float[Array, "..."] | float = 0.1, isotropic: bool = False
) -> AnalysisL1 | AnalysisL12:
    """Return total variation, anisotropic or isotropic, with nothing counted across the border.

    With differences d down and across, R(x) = sum_ij weight_0ij |d_0ij| + weight_1ij |d_1ij|, or isotropic
    sum_ij weight_ij sqrt(d_0ij^2 + d_1ij^2). For images (h, w), for colour images (h, w, 3), whose channels
    add up, and for signals (n,). A map of weights is a leaf that can be learned. Source: Rudin, Osher and
    Fatemi, 1992.

    Args:
        weight: one number or a map: (2, h, w), or (1, h, w) for both directions; isotropic (h, w). See
            `AnalysisL1` and `AnalysisL12`.
        isotropic: whether the two directions at a pixel count by their Euclidean norm. `ActiveSet` is for the
            anisotropic one alone.
    """
    return (
        AnalysisL12(ForwardDifferences(), weight) if isotropic else AnalysisL1(ForwardDifferences(), weight)
    )
