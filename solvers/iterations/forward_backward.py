"""Forward-backward splitting with backtracking."""

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.mesh_axes import differing_as
from ...problems.linear_operator import ResolvableOperator
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import SmoothRegularizer
from ...problems.values.configuration import configuration
from ..fixed_point_map import backward, forward, is_backward, map_step_size, supports_descent
from ..residuals import fixed_point_residual, gradient_residual
from ..solver_traits import SolverTraits
from .energy_slack import energy_slack
from .first_iterate import first_iterate
from .picard import require_step_scale

_MOST_HALVINGS = 60


class ForwardBackwardState(NamedTuple):
    """The iterate, its energy, and the step size that has not been refused yet."""

    x: Float[Array, "..."]
    energy: Float[Array, ""]
    step_size: Float[Array, ""]


class _Search(NamedTuple):
    """A step size, where it leads, the energy there, and how often it was halved."""

    step_size: Float[Array, ""]
    x: Float[Array, "..."]
    energy: Float[Array, ""]
    halvings: Int[Array, ""]


@configuration
class ForwardBackward:
    """Step forward along one term and backward along the other, with a step size found by backtracking.

    Of F = g + R, g the data term, a smooth R steps forward and g backward,  x+ = prox_{tau g}(x - tau grad
    R(x)),  where A has a resolvent; where it has none both step forward,  x+ = x - tau grad F(x).  A
    regulariser with a prox alone steps backward:  x+ = prox_{tau R}(x - tau grad g(x)).
    Starts at A^T y / ||A||^2.

    While F(x) - F(x+) < (decrease / tau) ||x+ - x||^2, tau is halved, for good; so F never rises, but for
    rounding, whatever Lipschitz constant the regulariser states. Step sizes are constants to differentiation.
    Source: Hu et al., 2023 (ELDER); Beck and Teboulle, 2009 (backtracking).

    Args:
        decrease: what the energy must fall by, over ||x+ - x||^2 / tau; below 1/2.
        step_scale: the first tau over 1/L, L the Lipschitz constant of what steps forward.

    Raises:
        ValueError: if `decrease` is not in (0, 1/2) or `step_scale` is not positive.
    """

    decrease: float = 0.1
    step_scale: float = 4.0
    traits = SolverTraits()

    def __post_init__(self) -> None:
        require_step_scale(self.step_scale)
        if not 0 < self.decrease < 0.5:
            raise ValueError(f"decrease must be in (0, 1/2); got {self.decrease}")

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for an energy with a gradient or a prox, else why not."""
        return supports_descent(lower)

    def init(self, lower: LowerLevel) -> ForwardBackwardState:
        """Start at A^T y / ||A||^2."""
        x = first_iterate(lower)
        energy = jax.lax.stop_gradient(lower.value(x))
        return ForwardBackwardState(x, energy, _first_step_size(lower, self.step_scale))

    def step(self, lower: LowerLevel, state: ForwardBackwardState) -> ForwardBackwardState:
        """Take the first step in the halving row that lowers the energy enough."""
        slope = _slope(lower, state.x)
        found = self._search(*jax.lax.stop_gradient((lower, state, slope)))
        # Once more outside the search's loop, which derivatives cannot cross.
        x = _advance(lower, state.x, slope, found.step_size)
        return ForwardBackwardState(x, found.energy, found.step_size)

    def apply_map(self, lower: LowerLevel, state: ForwardBackwardState) -> ForwardBackwardState:
        """Replace the iterate by that after a step of the current size."""
        x = _advance(lower, state.x, _slope(lower, state.x), state.step_size)
        return state._replace(x=x, energy=jax.lax.stop_gradient(lower.value(x)))

    def iterate(self, lower: LowerLevel, state: ForwardBackwardState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: ForwardBackwardState) -> Float[Array, ""]:
        """Return the relative gradient norm, or the relative move of the map beside a prox."""
        if is_backward(lower):
            # The fixed point is the same for every step size; a search may end at one that is too small to
            # move x, or too large for a small move over it to mean anything.
            return fixed_point_residual(lower, state.x, map_step_size(lower, 1.0))
        return gradient_residual(lower, state.x)

    def _search(self, lower: LowerLevel, state: ForwardBackwardState, slope: Float[Array, "..."]) -> _Search:
        def at(step_size: Array, halvings: Array) -> _Search:
            x = _advance(lower, state.x, slope, step_size)
            return _Search(step_size, x, lower.value(x), halvings)

        def refused(search: _Search) -> Bool[Array, ""]:
            least = self.decrease / search.step_size * jnp.sum(jnp.square(search.x - state.x))
            slack = energy_slack(state.energy)
            # An energy that is NaN has not fallen.
            enough = state.energy - search.energy >= least - slack
            return ~enough & (search.halvings < _MOST_HALVINGS)

        def halve(search: _Search) -> _Search:
            return at(search.step_size / 2, search.halvings + 1)

        first = at(state.step_size, jnp.zeros((), jnp.int32))
        return jax.lax.while_loop(refused, halve, differing_as(first, first))


def _splits_data(lower: LowerLevel) -> bool:
    return isinstance(lower.regularizer, SmoothRegularizer) and isinstance(lower.A, ResolvableOperator)


def _first_step_size(lower: LowerLevel, scale: float) -> Float[Array, ""]:
    if not _splits_data(lower):
        return map_step_size(lower, scale)
    lipschitz = jnp.asarray(cast(SmoothRegularizer, lower.regularizer).lipschitz(lower.shape), lower.y.dtype)
    # Where nothing curves that steps forward, every step size will do; the data term's keeps the unit.
    of_data = jnp.asarray(lower.A.squared_norm(lower.shape), lower.y.dtype)
    positive = jnp.where(lipschitz > 0, lipschitz, of_data)
    return jax.lax.stop_gradient(scale / positive)


def _slope(lower: LowerLevel, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Evaluate the gradient of the term that steps forward."""
    if _splits_data(lower):
        return cast(SmoothRegularizer, lower.regularizer).gradient(x)
    return forward(lower, x)


def _advance(
    lower: LowerLevel, x: Float[Array, "*shape"], slope: Float[Array, "*shape"], tau: Float[Array, ""]
) -> Float[Array, "*shape"]:
    if not _splits_data(lower):
        return backward(lower, x - tau * slope, tau)
    A = cast(ResolvableOperator, lower.A)
    return A.resolvent(x - tau * slope + tau * A.adjoint(lower.y), tau)
