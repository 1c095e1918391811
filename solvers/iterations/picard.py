"""Picard iteration: the map, again and again."""

from typing import NamedTuple

from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...problems.values.validation import is_known
from ..fixed_point_map import Scale, map_move, map_step_size, supports_map
from ..solver_traits import SolverTraits
from .first_iterate import first_iterate
from .map_residual import map_residual


class PicardState(NamedTuple):
    """The iterate and the step size, the same in all steps."""

    x: Float[Array, "..."]
    step_size: Float[Array, ""]


@configuration
class Picard:
    """Iterate x <- T(x), T the forward or the forward-backward map; starts at A^T y / ||A||^2.

    T(x) = x - tau (A^T (A x - y) + R(x)) with a gradient or an operator R, or prox(x - tau A^T (A x - y),
    tau) where the regulariser has a prox alone; tau = step_scale / L. Converges linearly where T contracts,
    and ends as diverged or out of steps where it does not: a large step, or an operator without an energy
    that is not monotone. Source: Picard, 1890; Riccio, Ehrhardt and Benning, 2022 (equilibrium models).

    Args:
        step_scale: tau over 1/L. An array can be traced, and learned through `Unrolled`.

    Raises:
        ValueError: if `step_scale` is not positive.
    """

    step_scale: Scale = 1.0
    traits = SolverTraits()

    def __post_init__(self) -> None:
        require_step_scale(self.step_scale)

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None where there is a map, else why not."""
        return supports_map(lower)

    def init(self, lower: LowerLevel) -> PicardState:
        """Start at A^T y / ||A||^2."""
        return PicardState(first_iterate(lower), map_step_size(lower, self.step_scale))

    def step(self, lower: LowerLevel, state: PicardState) -> PicardState:
        """Apply the map."""
        return state._replace(x=state.x + map_move(lower, state.x, state.step_size))

    def apply_map(self, lower: LowerLevel, state: PicardState) -> PicardState:
        """Replace the iterate by T(x): the step is nothing else."""
        return self.step(lower, state)

    def with_step_size(self, lower: LowerLevel, state: PicardState) -> PicardState:
        """Make the step size anew."""
        return state._replace(step_size=map_step_size(lower, self.step_scale))

    def iterate(self, lower: LowerLevel, state: PicardState) -> Float[Array, "..."]:
        """Return the iterate."""
        del lower
        return state.x

    def residual(self, lower: LowerLevel, state: PicardState) -> Float[Array, ""]:
        """Return the relative move of the map."""
        return map_residual(lower, state.x, state.step_size, self.step_scale)


def require_step_scale(step_scale: Scale) -> None:
    """Raise `ValueError` unless a step scale is positive, where it is known."""
    if is_known(step_scale) and not step_scale > 0:
        raise ValueError(f"step_scale must be positive; got {step_scale}")
