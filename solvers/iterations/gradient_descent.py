"""Gradient descent."""

from typing import NamedTuple

from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import map_step_size
from ..residuals import gradient_residual
from ..solver_traits import SolverTraits
from .first_iterate import first_iterate
from .smooth_energy import supports_smooth


class GradientDescentState(NamedTuple):
    """The iterate and the constant step size."""

    x: Float[Array, "..."]
    step_size: Float[Array, ""]


@configuration
class GradientDescent:
    """Iterate x <- x - grad E(x) / L with L a bound of the gradient's Lipschitz constant.

    Starts at A^T y / ||A||^2. Converges for every smooth energy, linearly if it is strongly convex;
    `Nesterov` needs about the square root of its steps. Source: Nesterov, 2004, section 2.1.5.
    """

    traits = SolverTraits()

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return supports_smooth(lower)

    def init(self, lower: LowerLevel) -> GradientDescentState:
        """Start at A^T y / ||A||^2."""
        return self.init_at_point(lower, first_iterate(lower))

    def init_at_point(self, lower: LowerLevel, x: Float[Array, "..."]) -> GradientDescentState:
        """Start at x."""
        return GradientDescentState(x, map_step_size(lower, 1.0))

    def step(self, lower: LowerLevel, state: GradientDescentState) -> GradientDescentState:
        """Take one gradient step."""
        return state._replace(x=state.x - state.step_size * lower.gradient(state.x))

    def iterate(self, lower: LowerLevel, state: GradientDescentState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: GradientDescentState) -> Float[Array, ""]:
        """Return the relative gradient norm."""
        return gradient_residual(lower, state.x)
