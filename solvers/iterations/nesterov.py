"""Accelerated gradient descent with restart."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import map_step_size
from ..residuals import gradient_residual
from ..solver_traits import SolverTraits
from .first_iterate import first_iterate
from .momentum import extrapolate
from .smooth_energy import supports_smooth


class NesterovState(NamedTuple):
    """The iterate, the extrapolated point, the momentum parameter and the constant step size."""

    x: Float[Array, "..."]
    z: Float[Array, "..."]
    t: Float[Array, ""]
    step_size: Float[Array, ""]


@configuration
class Nesterov:
    """Take gradient steps from an extrapolated point, and drop the momentum when it points uphill.

    x+ = z - grad E(z) / L,  z+ = x+ + (t - 1)/t+ (x+ - x), restarted when <z - x+, x+ - x> > 0; starts at
    A^T y / ||A||^2. Convergence is proved for convex energies; nonconvex ones usually converge as well, to a
    stationary point that need not be the nearest.
    Source: Nesterov, 1983; O'Donoghue and Candes, 2015, section 3.2.
    """

    traits = SolverTraits()

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return supports_smooth(lower)

    def init(self, lower: LowerLevel) -> NesterovState:
        """Start at A^T y / ||A||^2 without momentum."""
        return self.init_at_point(lower, first_iterate(lower))

    def init_at_point(self, lower: LowerLevel, x: Float[Array, "..."]) -> NesterovState:
        """Start at x without momentum."""
        return NesterovState(x, x, jnp.ones((), x.dtype), map_step_size(lower, 1.0))

    def step(self, lower: LowerLevel, state: NesterovState) -> NesterovState:
        """Take one gradient step from the extrapolated point and extrapolate again."""
        x = state.z - state.step_size * lower.gradient(state.z)
        z, t = extrapolate(state.x, x, state.z, state.t)
        return NesterovState(x, z, t, state.step_size)

    def restart(self, lower: LowerLevel, state: NesterovState) -> NesterovState:
        """Drop the momentum."""
        del lower
        return state._replace(z=state.x, t=jnp.ones_like(state.t))

    def iterate(self, lower: LowerLevel, state: NesterovState) -> Float[Array, "..."]:
        """Return the iterate (not the extrapolated point)."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: NesterovState) -> Float[Array, ""]:
        """Return the relative gradient norm at the iterate."""
        return gradient_residual(lower, state.x)
