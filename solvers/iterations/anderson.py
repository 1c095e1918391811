"""Anderson acceleration of the fixed-point iteration, with a safeguard."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ..fixed_point_map import Scale, supports_map
from ..solver_traits import SolverTraits
from .map_residual import map_residual
from .picard import require_step_scale
from .trial_point import Trial, first_trial, look, map_alone, sized, try_next


class AndersonState(NamedTuple):
    """Where the iteration is, its last shifts and what they changed, one per row, and how many there were."""

    at: Trial
    shifts: Float[Array, "m n"]
    changes: Float[Array, "m n"]
    rows: Int[Array, ""]


@configuration
class Anderson:
    """Combine the last moves of a fixed-point map such that they cancel most of the next one.

    With f(x) = T(x) - x and the last shifts S and changes F of f as columns, x+ = x + f(x) - (S + F) gamma,
    gamma = argmin ||f(x) - F gamma||^2 + ridge ||F||^2 ||gamma||^2. A point whose move is more than
    `safeguard` times the last one's is dropped for T's own step, which costs no more than that evaluation:
    each step makes one. Starts at A^T y / ||A||^2. Often converges where T hardly contracts or does not.
    Keeps 2 `memory` images.

    Its weights have no derivative at the solution, where all changes vanish; rules that differentiate a fixed
    point take T instead of this step. T and its tau are those of `Picard`.
    Source: Anderson, 1965; Walker and Ni, 2011; Bai, Kolter and Koltun, 2019 (equilibrium models).

    Args:
        memory: how many changes are combined.
        ridge: of the least-squares problem, over the sum of the squared changes.
        safeguard: largest ratio of successive moves that an accelerated point may have.
        step_scale: tau over 1/L.

    Raises:
        ValueError: if `memory` is below 1, or another setting is out of range.
    """

    memory: int = 5
    ridge: float = 1e-4
    safeguard: float = 1.0
    step_scale: Scale = 1.0
    traits = SolverTraits(differentiable_step=False)

    def __post_init__(self) -> None:
        require_step_scale(self.step_scale)
        if self.memory < 1:
            raise ValueError(f"memory must be at least 1; got {self.memory}")
        if not (self.ridge >= 0 and self.safeguard > 0):
            raise ValueError(
                f"ridge must be at least 0 and safeguard positive; got {self.ridge} and {self.safeguard}"
            )

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None where there is a map, else why not."""
        return supports_map(lower)

    def init(self, lower: LowerLevel) -> AndersonState:
        """Start at A^T y / ||A||^2 with an empty memory."""
        at = first_trial(lower, self.step_scale)
        empty = jnp.zeros((self.memory, at.x.size), at.x.dtype)
        return AndersonState(at, empty, empty, jnp.zeros((), jnp.int32))

    def step(self, lower: LowerLevel, state: AndersonState) -> AndersonState:
        """Look at the trial point, remember what it showed, and aim at the next one."""
        seen = look(lower, state.at, self.safeguard)
        slot = state.rows % self.memory
        # What a rejected point showed is as true as what the others did.
        shifts, changes = (
            kept.at[slot].set(jnp.where(seen.usable, row.ravel(), kept[slot]))
            for kept, row in ((state.shifts, seen.shift), (state.changes, seen.change))
        )
        shares = self._shares(changes, seen.move.ravel())
        correction = (shares @ (shifts + changes)).reshape(seen.x.shape)
        at = try_next(state.at, seen, seen.x + seen.move - correction)
        return AndersonState(at, shifts, changes, state.rows + 1)

    def apply_map(self, lower: LowerLevel, state: AndersonState) -> AndersonState:
        """Replace the iterate by T(x)."""
        return state._replace(at=map_alone(lower, state.at))

    def with_step_size(self, lower: LowerLevel, state: AndersonState) -> AndersonState:
        """Make the step size anew."""
        return state._replace(at=sized(lower, state.at, self.step_scale))

    def iterate(self, lower: LowerLevel, state: AndersonState) -> Float[Array, "..."]:
        """Return the point that was kept."""
        del lower
        return state.at.x

    def residual(self, lower: LowerLevel, state: AndersonState) -> Float[Array, ""]:
        """Return the relative move of the map."""
        return map_residual(lower, state.at.x, state.at.step_size, self.step_scale)

    def _shares(self, changes: Float[Array, "m n"], move: Float[Array, " n"]) -> Array:
        gram = changes @ changes.T
        # Rows that are not filled yet are zero: the smallest number keeps their share at zero.
        ridge = self.ridge * jnp.trace(gram) + jnp.finfo(move.dtype).tiny
        return jnp.linalg.solve(gram + ridge * jnp.eye(self.memory, dtype=move.dtype), changes @ move)
