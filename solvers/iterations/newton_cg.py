"""Newton's method with truncated conjugate gradients, for smooth and piecewise quadratic energies."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import map_step_size
from ..residuals import gradient_scale
from ..solver_traits import SolverTraits
from .first_iterate import first_iterate
from .smooth_energy import scaled_energy, supports_smooth
from .trial_step import SHORTEST, Slope, is_enough, shorter
from .truncated_newton_direction import truncated_newton_direction

_FIRST, _LARGEST = 0.1, 0.5
_SHARE, _POWER, _HELD = 0.9, 1.618, 0.1
"""Of the forcing: see `_next_forcing`."""


class NewtonCgState(NamedTuple):
    """The iterate, what is known there, and how far the next direction is solved for.

    Energy and gradient are of f(z) = E(size z) / (tau ||A^T y||^2), z = x / size, whose gradient at the start
    is of the order of one in every unit.

    Attributes:
        x: the iterate.
        energy: f.
        gradient: of f, which is grad E / ||A^T y||.
        forcing: relative residual of the next Newton system; one asks for a gradient step.
        step_size: tau = 1/L.
        size: tau ||A^T y||.
    """

    x: Float[Array, "..."]
    energy: Float[Array, ""]
    gradient: Float[Array, "..."]
    forcing: Float[Array, ""]
    step_size: Float[Array, ""]
    size: Float[Array, ""]


class _Search(NamedTuple):
    """The end of a step, what is found there, whether that is enough, and the length to try otherwise."""

    x: Float[Array, "..."]
    energy: Float[Array, ""]
    gradient: Float[Array, "..."]
    enough: Bool[Array, ""]
    next_length: Float[Array, ""]


@configuration
class NewtonCg:
    """Take Newton steps x + t d,  H d = -grad E(x) solved by conjugate gradients as far as it pays.

    Steps are few, and each costs several products with the Hessian: far ahead of first-order steps where few
    products solve the system, as for potentials that are nearly quadratic or close to the solution. Where the
    Hessian jumps, as that of ridge regularisers, products take one element of the generalised Hessian
    (semismooth Newton); from far away `Lbfgs` needs fewer evaluations there. Where the Hessian is not
    positive the direction is what was found before. t = 1 is tried first, and shorter steps until the energy
    falls. How far the systems are solved follows how fast the gradient falls. Starts at A^T y / ||A||^2.
    Energies must be twice differentiable almost everywhere, as those of networks are. The steps hold loops
    that reverse mode cannot cross; a batch waits for the member whose system takes longest.
    Source: Dembo and Steihaug, 1983; Eisenstat and Walker, 1996, choice 2 (how far systems are solved); Qi
    and Sun, 1993 (semismooth energies).

    Args:
        most_products: with the Hessian in one step, at most.

    Raises:
        ValueError: if `most_products` is below 1.
    """

    most_products: int = 200
    traits = SolverTraits(differentiable_step=False, checks_every_step=True)

    def __post_init__(self) -> None:
        if self.most_products < 1:
            raise ValueError(f"most_products must be at least 1; got {self.most_products}")

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for smooth energies, else why not."""
        return supports_smooth(lower)

    def init(self, lower: LowerLevel) -> NewtonCgState:
        """Start at A^T y / ||A||^2."""
        return self.init_at_point(lower, first_iterate(lower))

    def init_at_point(self, lower: LowerLevel, x: Float[Array, "..."]) -> NewtonCgState:
        """Start at x."""
        tau = map_step_size(lower, 1.0)
        size = jax.lax.stop_gradient(tau * gradient_scale(lower))
        energy, gradient = scaled_energy(lower, x, tau, size)
        return NewtonCgState(x, energy, gradient, jnp.full_like(tau, _FIRST), tau, size)

    def step(self, lower: LowerLevel, state: NewtonCgState) -> NewtonCgState:
        """Find a direction, and how far to go along it."""
        linear = jax.linearize(lower.gradient, state.x)[1]
        direction = truncated_newton_direction(
            lambda v: state.step_size * linear(v), state.gradient, state.forcing, self.most_products
        )
        found = _searched(lower, state, direction)
        # Without an end that is low enough the iterate stays, and a gradient step is tried from it.
        forcing = jnp.where(found.enough, _next_forcing(state, found.gradient), jnp.ones_like(state.forcing))
        return state._replace(
            x=jnp.where(found.enough, found.x, state.x),
            energy=jnp.where(found.enough, found.energy, state.energy),
            gradient=jnp.where(found.enough, found.gradient, state.gradient),
            forcing=forcing,
        )

    def iterate(self, lower: LowerLevel, state: NewtonCgState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: NewtonCgState) -> Float[Array, ""]:
        """Return the relative gradient norm, which is known from the last step that was taken."""
        del lower
        return euclidean_norm(state.gradient)


def _searched(lower: LowerLevel, state: NewtonCgState, direction: Float[Array, "..."]) -> _Search:
    """Try the whole direction, and shorter steps along it until the energy has fallen enough."""
    start = Slope(state.energy, jnp.sum(state.gradient * direction))

    def at(length: Float[Array, ""]) -> _Search:
        x = state.x + state.size * length * direction
        energy, gradient = scaled_energy(lower, x, state.step_size, state.size)
        end = Slope(energy, jnp.sum(gradient * direction))
        enough, next_length = is_enough(start, end, length), shorter(start, end, length)
        return _Search(x, energy, gradient, enough, next_length)

    def refused(search: _Search) -> Bool[Array, ""]:
        return ~search.enough & (search.next_length >= SHORTEST)

    return jax.lax.while_loop(refused, lambda search: at(search.next_length), at(jnp.ones_like(state.energy)))


def _next_forcing(state: NewtonCgState, gradient: Float[Array, "..."]) -> Float[Array, ""]:
    """Return 0.9 (||g+|| / ||g||)^1.618, not far below the last one while that is large, at most a half."""
    before = euclidean_norm(state.gradient)
    ratio = euclidean_norm(gradient) / jnp.where(before > 0, before, jnp.ones_like(before))
    held = _SHARE * state.forcing**_POWER
    forcing = _SHARE * ratio**_POWER
    return jnp.minimum(jnp.where(held > _HELD, jnp.maximum(forcing, held), forcing), _LARGEST)
