"""Which lower levels the solvers of smooth energies take."""

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import EnergyRegularizer, SmoothRegularizer


def supports_smooth(lower: LowerLevel) -> str | None:
    """Return None if the energy has a Lipschitz-continuous gradient, else why not."""
    if isinstance(lower.regularizer, SmoothRegularizer):
        return None
    name = type(lower.regularizer).__name__
    if not isinstance(lower.regularizer, EnergyRegularizer):
        return f"{name} has no energy, and this solver follows an energy's gradient"
    return f"{name} is not smooth, and this solver follows gradients"
