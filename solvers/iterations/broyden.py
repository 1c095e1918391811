"""Broyden's method for a fixed point, with limited memory and a safeguard."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import Scale, supports_map
from ..solver_traits import SolverTraits
from .map_residual import map_residual
from .picard import require_step_scale
from .trial_point import Seen, Trial, first_trial, look, map_alone, sized, try_next

_SMALLEST = 1e-8
"""An update whose denominator is smaller than this, relative, would blow the inverse up: it is left out."""


class BroydenState(NamedTuple):
    """Where the iteration is, the factors of H = -I + left^T right, and how many they are."""

    at: Trial
    left: Float[Array, "m n"]
    right: Float[Array, "m n"]
    rows: Int[Array, ""]


@configuration
class Broyden:
    """Solve f(x) = T(x) - x = 0 by quasi-Newton steps x+ = x - H f(x), H begun at -I.

    H <- H + (s - H d) s^T H / (s^T H d),  s the shift and d what it changed f by: the inverse of Broyden's
    good update. `memory` of them are kept, then H begins anew. Points are accepted as in `Anderson`, and
    each step costs one evaluation of T. Starts at A^T y / ||A||^2. Keeps 2 `memory` images.

    Its updates have no derivative at the solution, where all shifts vanish; rules that differentiate a fixed
    point take T instead of this step. T and its tau are those of `Picard`.
    Source: Broyden, 1965; Kelley, 1995, section 7.3 (limited memory).

    Args:
        memory: how many updates are kept.
        safeguard: largest ratio of successive moves that a quasi-Newton point may have.
        step_scale: tau over 1/L.

    Raises:
        ValueError: if `memory` is below 1, or another setting is not positive.
    """

    memory: int = 20
    safeguard: float = 2.0
    step_scale: Scale = 1.0
    traits = SolverTraits(differentiable_step=False)

    def __post_init__(self) -> None:
        require_step_scale(self.step_scale)
        if self.memory < 1:
            raise ValueError(f"memory must be at least 1; got {self.memory}")
        if not self.safeguard > 0:
            raise ValueError(f"safeguard must be positive; got {self.safeguard}")

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None where there is a map, else why not."""
        return supports_map(lower)

    def init(self, lower: LowerLevel) -> BroydenState:
        """Start at A^T y / ||A||^2 with H = -I."""
        at = first_trial(lower, self.step_scale)
        empty = jnp.zeros((self.memory, at.x.size), at.x.dtype)
        return BroydenState(at, empty, empty, jnp.zeros((), jnp.int32))

    def step(self, lower: LowerLevel, state: BroydenState) -> BroydenState:
        """Look at the trial point, update H by what it showed, and aim at the next one."""
        seen = look(lower, state.at, self.safeguard)
        begun = _updated(_begun_anew(state, self.memory), seen)
        newton = seen.x - _apply(begun, seen.move.ravel()).reshape(seen.x.shape)
        return begun._replace(at=try_next(state.at, seen, newton))

    def apply_map(self, lower: LowerLevel, state: BroydenState) -> BroydenState:
        """Replace the iterate by T(x)."""
        return state._replace(at=map_alone(lower, state.at))

    def with_step_size(self, lower: LowerLevel, state: BroydenState) -> BroydenState:
        """Make the step size anew."""
        return state._replace(at=sized(lower, state.at, self.step_scale))

    def iterate(self, lower: LowerLevel, state: BroydenState) -> Float[Array, "..."]:
        """Return the point that was kept."""
        del lower
        return state.at.x

    def residual(self, lower: LowerLevel, state: BroydenState) -> Float[Array, ""]:
        """Return the relative move of the map."""
        return map_residual(lower, state.at.x, state.at.step_size, self.step_scale)


def _apply(state: BroydenState, f: Float[Array, " n"]) -> Float[Array, " n"]:
    return state.left.T @ (state.right @ f) - f


def _apply_transposed(state: BroydenState, f: Float[Array, " n"]) -> Float[Array, " n"]:
    return state.right.T @ (state.left @ f) - f


def _begun_anew(state: BroydenState, memory: int) -> BroydenState:
    """Return the state with H = -I if no more updates fit."""
    full = state.rows >= memory
    left, right = (jnp.where(full, jnp.zeros_like(rows), rows) for rows in (state.left, state.right))
    return BroydenState(state.at, left, right, jnp.where(full, jnp.zeros_like(state.rows), state.rows))


def _updated(state: BroydenState, seen: Seen) -> BroydenState:
    """Add the update that makes H map the change to the shift."""
    shift, change = seen.shift.ravel(), seen.change.ravel()
    across, along = _apply(state, change), _apply_transposed(state, shift)
    denominator = jnp.vdot(shift, across)
    least = _SMALLEST * jnp.sqrt(jnp.sum(jnp.square(shift)) * jnp.sum(jnp.square(across)))
    good = seen.usable & (jnp.abs(denominator) > least)
    left = (shift - across) / jnp.where(good, denominator, jnp.ones_like(denominator))
    left_rows, right_rows = (
        old.at[state.rows].set(jnp.where(good, new, old[state.rows]))
        for old, new in ((state.left, left), (state.right, along))
    )
    return BroydenState(state.at, left_rows, right_rows, state.rows + good.astype(state.rows.dtype))
