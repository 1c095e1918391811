"""Nonmonotone accelerated proximal gradient descent, for energies that need not be convex."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import backward, forward, is_backward, map_step_size, supports_descent
from ..residuals import fixed_point_residual, gradient_residual
from ..solver_traits import SolverTraits
from .energy_slack import energy_slack
from .first_iterate import first_iterate

_MOST_SHRINKINGS = 150
_WIDEST = 1e3
"""Step sizes lie within so many times 1/L and its reciprocal before they are shrunk."""


class NonmonotoneState(NamedTuple):
    """The last two iterates, the accelerated one, the last point of evaluation, and what the rule averages.

    Attributes:
        x: the iterate.
        previous: the one before.
        z: the accelerated step.
        y: where the last gradient was taken.
        slope: that gradient.
        t: the momentum parameter.
        t_previous: the one before.
        weight: of the averaged energy, q.
        average: the averaged energy, c.
        step_size: 1/L.
    """

    x: Float[Array, "..."]
    previous: Float[Array, "..."]
    z: Float[Array, "..."]
    y: Float[Array, "..."]
    slope: Float[Array, "..."]
    t: Float[Array, ""]
    t_previous: Float[Array, ""]
    weight: Float[Array, ""]
    average: Float[Array, ""]
    step_size: Float[Array, ""]


class _Ray(NamedTuple):
    """Where a search begins, the gradient it goes against, and the first step size that it tries."""

    x: Float[Array, "..."]
    slope: Float[Array, "..."]
    first: Float[Array, ""]


class _Search(NamedTuple):
    """A step size, the energy at its end, and whether that was low enough."""

    step_size: Float[Array, ""]
    energy: Float[Array, ""]
    enough: Bool[Array, ""]
    shrinkings: Int[Array, ""]


@configuration
class NonmonotoneAcceleratedGradient:
    """Take accelerated steps that lower an average of past energies, and plain ones where they do not.

    y = x + (t'/t)(z - x) + ((t' - 1)/t)(x - x'),  z+ = prox(y - a grad f(y)).  If F(z+) <= c - delta L
    ||z+ - y||^2 then x+ = z+; else v = prox(x - b grad f(x)) and x+ is the lower of both. c averages the
    energies with weights that fall by `forgetting` a step. a and b are Barzilai and Borwein's <s, r>/<r, r>,
    shrunk until the energy has fallen enough. f is the whole energy where it is smooth, the data term beside
    a prox. Starts at A^T y / ||A||^2; step sizes are constants to differentiation.
    Source: Li and Lin, 2015, algorithm 4 (supplement); parameters as in Hertrich et al., 2025.

    Args:
        decrease: delta, what an energy must fall by over the squared step and L, as 1/L is the step size.
        forgetting: eta, in [0, 1); 0 compares with the last energy alone.
        shrink: the factor of the line search.

    Raises:
        ValueError: if `decrease` is not positive, `forgetting` not in [0, 1) or `shrink` not in (0, 1).
    """

    decrease: float = 0.1
    forgetting: float = 0.8
    shrink: float = 0.9
    traits = SolverTraits()

    def __post_init__(self) -> None:
        if not self.decrease > 0:
            raise ValueError(f"decrease must be positive; got {self.decrease}")
        if not (0 <= self.forgetting < 1 and 0 < self.shrink < 1):
            raise ValueError(
                f"forgetting must be in [0, 1) and shrink in (0, 1); got {self.forgetting} and {self.shrink}"
            )

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for an energy with a gradient or a prox, else why not."""
        return supports_descent(lower)

    def init(self, lower: LowerLevel) -> NonmonotoneState:
        """Start at A^T y / ||A||^2 without momentum."""
        return self.init_at_point(lower, first_iterate(lower))

    def init_at_point(self, lower: LowerLevel, x: Float[Array, "..."]) -> NonmonotoneState:
        """Start at x without momentum."""
        one = jnp.ones((), x.dtype)
        energy = jax.lax.stop_gradient(lower.value(x))
        # The first "last gradient" is that of the start itself: no difference yet, so that 1/L is taken.
        return NonmonotoneState(
            x, x, x, x, forward(lower, x), one, jnp.zeros_like(one), one, energy, map_step_size(lower, 1.0)
        )

    def step(self, lower: LowerLevel, state: NonmonotoneState) -> NonmonotoneState:
        """Try the accelerated step, and the plain one where it does not lower the average."""
        t, t_previous = state.t, state.t_previous
        y = state.x + t_previous / t * (state.z - state.x) + (t_previous - 1) / t * (state.x - state.previous)
        slope_y, slope_x = forward(lower, y), forward(lower, state.x)
        # Searches are loops, which derivatives do not cross: they see held values, and tell step sizes alone.
        held = jax.lax.stop_gradient((lower, state, y, slope_y, slope_x))
        a, b, takes_z, energy = self._choose(*held)
        z = backward(lower, y - a * slope_y, a)
        x = jnp.where(takes_z, z, backward(lower, state.x - b * slope_x, b))
        weight = self.forgetting * state.weight + 1
        average = (self.forgetting * state.weight * state.average + energy) / weight
        t_next = (jnp.sqrt(4 * jnp.square(t) + 1) + 1) / 2
        return NonmonotoneState(x, state.x, z, y, slope_y, t_next, t, weight, average, state.step_size)

    def restart(self, lower: LowerLevel, state: NonmonotoneState) -> NonmonotoneState:
        """Drop the momentum, and the energies of the past."""
        one = jnp.ones_like(state.t)
        energy = jax.lax.stop_gradient(lower.value(state.x))
        return state._replace(
            previous=state.x, z=state.x, t=one, t_previous=jnp.zeros_like(one), weight=one, average=energy
        )

    def iterate(self, lower: LowerLevel, state: NonmonotoneState) -> Float[Array, "..."]:
        """Return the iterate (not the extrapolated point)."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: NonmonotoneState) -> Float[Array, ""]:
        """Return the relative gradient norm, or the relative move of the map beside a prox."""
        if is_backward(lower):
            return fixed_point_residual(lower, state.x, state.step_size)
        return gradient_residual(lower, state.x)

    def _choose(
        self,
        lower: LowerLevel,
        state: NonmonotoneState,
        y: Float[Array, "..."],
        slope_y: Float[Array, "..."],
        slope_x: Float[Array, "..."],
    ) -> tuple[Array, Array, Array, Array]:
        """Return the step sizes from y and from x, whether z is taken, and the energy of what is taken."""
        first_y = _curvature_step(state, y, slope_y)
        bound = jnp.maximum(lower.value(y), state.average)
        from_y = self._search(lower, state, _Ray(y, slope_y, first_y), bound)
        z = backward(lower, y - from_y.step_size * slope_y, from_y.step_size)
        fallen = self._fallen(state, state.average, from_y.energy, z - y)

        def plain() -> _Search:
            first = _curvature_step(state, state.x, slope_x)
            return self._search(lower, state, _Ray(state.x, slope_x, first), state.average)

        from_x = jax.lax.cond(fallen, lambda: from_y, plain)
        takes_z = fallen | (from_y.energy <= from_x.energy)
        energy = jnp.where(takes_z, from_y.energy, from_x.energy)
        return from_y.step_size, from_x.step_size, takes_z, energy

    def _search(
        self, lower: LowerLevel, state: NonmonotoneState, ray: _Ray, bound: Float[Array, ""]
    ) -> _Search:
        def at(step_size: Array, shrinkings: Array) -> _Search:
            moved = backward(lower, ray.x - step_size * ray.slope, step_size)
            energy = lower.value(moved)
            enough = self._fallen(state, bound, energy, moved - ray.x)
            return _Search(step_size, energy, enough, shrinkings)

        def refused(search: _Search) -> Bool[Array, ""]:
            return ~search.enough & (search.shrinkings < _MOST_SHRINKINGS)

        def shrunk(search: _Search) -> _Search:
            return at(self.shrink * search.step_size, search.shrinkings + 1)

        first = at(ray.first, jnp.zeros((), jnp.int32))
        return jax.lax.while_loop(refused, shrunk, differing_as(first, first))

    def _fallen(
        self,
        state: NonmonotoneState,
        bound: Float[Array, ""],
        energy: Float[Array, ""],
        move: Float[Array, "..."],
    ) -> Bool[Array, ""]:
        # The source's delta is compared as it is, which in another unit of the energy is another rule; here L
        # gives it its unit.
        least = self.decrease / state.step_size * jnp.sum(jnp.square(move))
        return energy <= bound - least + energy_slack(bound)


def _curvature_step(
    state: NonmonotoneState, x: Float[Array, "..."], slope: Float[Array, "..."]
) -> Float[Array, ""]:
    """Return <s, r> / <r, r>,  s the shift since the last gradient and r its change; 1/L without one.

    The source takes the step as it is. Here 1/L stands where <s, r> is not positive, which happens where the
    energy is concave, and the step stays within a factor of 1/L.
    """
    shift, change = x - state.y, slope - state.slope
    squared, inner = jnp.sum(jnp.square(change)), jnp.sum(shift * change)
    known = (squared > 0) & (inner > 0)
    step = inner / jnp.where(known, squared, jnp.ones_like(squared))
    return jnp.where(
        known, jnp.clip(step, state.step_size / _WIDEST, state.step_size * _WIDEST), state.step_size
    )
