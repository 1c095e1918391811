"""Limited-memory BFGS that evaluates the energy once a step."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import map_step_size
from ..residuals import gradient_scale
from ..solver_traits import SolverTraits
from .curvature_pairs import CurvaturePairs, no_pairs, times_inverse, with_pair
from .first_iterate import first_iterate
from .smooth_energy import scaled_energy, supports_smooth
from .trial_step import SHORTEST, Slope, is_enough, shorter


class LbfgsState(NamedTuple):
    """The iterate, what is known there, and how far the next step goes.

    Energy, gradient and pairs are of f(z) = E(size z) / (tau ||A^T y||^2), z = x / size, whose gradient at
    the start is of the order of one in every unit.

    Attributes:
        x: the iterate.
        energy: f.
        gradient: of f, which is grad E / ||A^T y||.
        length: of the next step in its direction; 1 first, shorter after every step that was refused.
        pairs: the curvature learned so far.
        step_size: tau = 1/L.
        size: tau ||A^T y||, of the order of x.
    """

    x: Float[Array, "..."]
    energy: Float[Array, ""]
    gradient: Float[Array, "..."]
    length: Float[Array, ""]
    pairs: CurvaturePairs
    step_size: Float[Array, ""]
    size: Float[Array, ""]


@configuration
class Lbfgs:
    """Take quasi-Newton steps x + t d, with one energy and one gradient a step.

    d = -H g with H the inverse Hessian of the last pairs of moves and gradients' changes. t = 1 is tried
    first and nearly always right; a step that does not lower the energy enough is tried shorter in the next
    step, so that members of a batch do not wait for each other's searches. Starts at A^T y / ||A||^2. Near
    the solution, where energies differ by rounding alone, gradients decide. The steps hold a loop over the
    pairs that reverse mode cannot cross: unrolling and one-step differentiation do not apply.
    Source: Liu and Nocedal, 1989; Hager and Zhang, 2005, section 3 (the test near the solution).

    Args:
        memory: how many past steps approximate the curvature.

    Raises:
        ValueError: if `memory` is below 1.
    """

    memory: int = 10
    traits = SolverTraits(differentiable_step=False, checks_every_step=True)

    def __post_init__(self) -> None:
        if self.memory < 1:
            raise ValueError(f"memory must be at least 1; got {self.memory}")

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return supports_smooth(lower)

    def init(self, lower: LowerLevel) -> LbfgsState:
        """Start at A^T y / ||A||^2 with no curvature known."""
        return self.init_at_point(lower, first_iterate(lower))

    def init_at_point(self, lower: LowerLevel, x: Float[Array, "..."]) -> LbfgsState:
        """Start at x with no curvature known."""
        tau = map_step_size(lower, 1.0)
        size = jax.lax.stop_gradient(tau * gradient_scale(lower))
        energy, gradient = scaled_energy(lower, x, tau, size)
        return LbfgsState(x, energy, gradient, jnp.ones_like(tau), no_pairs(self.memory, x), tau, size)

    def step(self, lower: LowerLevel, state: LbfgsState) -> LbfgsState:
        """Try one step, and take it if it lowers the energy enough."""
        direction = -times_inverse(state.pairs, state.gradient)
        move = state.length * direction
        x = state.x + state.size * move
        energy, gradient = scaled_energy(lower, x, state.step_size, state.size)
        start = Slope(state.energy, jnp.sum(state.gradient * direction))
        end = Slope(energy, jnp.sum(gradient * direction))
        taken, rest = is_enough(start, end, state.length), shorter(start, end, state.length)
        given_up = ~taken & (rest < SHORTEST)
        pairs = with_pair(state.pairs, move, gradient - state.gradient, taken)
        return state._replace(
            x=jnp.where(taken, x, state.x),
            energy=jnp.where(taken, energy, state.energy),
            gradient=jnp.where(taken, gradient, state.gradient),
            length=jnp.where(taken | given_up, jnp.ones_like(rest), rest),
            pairs=pairs._replace(stored=jnp.where(given_up, 0, pairs.stored)),
        )

    def iterate(self, lower: LowerLevel, state: LbfgsState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: LbfgsState) -> Float[Array, ""]:
        """Return the relative gradient norm, which is known from the last step that was taken."""
        del lower
        return euclidean_norm(state.gradient)
