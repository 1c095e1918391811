"""The safeguard that accelerated fixed-point iterations share: a point is looked at before it is kept."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.lower_level import LowerLevel
from ..fixed_point_map import Scale, map_move, map_step_size
from .first_iterate import first_iterate


class Trial(NamedTuple):
    """The point that is kept, with its move, and the one that the next step looks at.

    Attributes:
        x: the iterate.
        move: T(x) - x.
        trial: where the map is evaluated next.
        bold: whether `trial` is an accelerated point, or the map's own.
        step_size: tau, the same in all steps.
    """

    x: Float[Array, "..."]
    move: Float[Array, "..."]
    trial: Float[Array, "..."]
    bold: Bool[Array, ""]
    step_size: Float[Array, ""]


class Seen(NamedTuple):
    """What one evaluation of the map at a trial point showed.

    Attributes:
        x: the point to go on from: the trial, or the one before.
        move: T(x) - x.
        accepted: whether it is the trial.
        shift: from the last point to the trial.
        change: of the move along that shift.
        usable: whether shift and change are finite.
    """

    x: Float[Array, "..."]
    move: Float[Array, "..."]
    accepted: Bool[Array, ""]
    shift: Float[Array, "..."]
    change: Float[Array, "..."]
    usable: Bool[Array, ""]


def first_trial(lower: LowerLevel, step_scale: Scale) -> Trial:
    """Begin at A^T y / ||A||^2; the first trial is the map's own step."""
    x, tau = first_iterate(lower), map_step_size(lower, step_scale)
    move = map_move(lower, x, tau)
    return Trial(x, move, x + move, jnp.zeros((), bool), tau)


def sized(lower: LowerLevel, at: Trial, step_scale: Scale) -> Trial:
    """Make the step size anew from the lower level."""
    return at._replace(step_size=map_step_size(lower, step_scale))


def look(lower: LowerLevel, at: Trial, safeguard: float) -> Seen:
    """Evaluate the map at the trial point and keep it unless it is accelerated and too far from fixed.

    An accelerated point is kept if ||T(trial) - trial|| <= safeguard ||T(x) - x||; the map's own always is,
    so that each step costs one evaluation, and one rejection one step.
    """
    move = map_move(lower, at.trial, at.step_size)
    # NaN compares false: an accelerated point that is not finite is not kept.
    accepted = ~at.bold | (euclidean_norm(move) <= safeguard * euclidean_norm(at.move))
    shift, change = at.trial - at.x, move - at.move
    usable = jnp.isfinite(euclidean_norm(shift)) & jnp.isfinite(euclidean_norm(change))
    x, kept = (jnp.where(accepted, new, old) for new, old in ((at.trial, at.x), (move, at.move)))
    return Seen(x, kept, accepted, shift, change, usable)


def try_next(at: Trial, seen: Seen, accelerated: Float[Array, "..."]) -> Trial:
    """Aim at the accelerated point, or after a rejection at the map's own."""
    trial = jnp.where(seen.accepted, accelerated, seen.x + seen.move)
    return Trial(seen.x, seen.move, trial, seen.accepted, at.step_size)


def map_alone(lower: LowerLevel, at: Trial) -> Trial:
    """Replace the iterate by T(x) and leave the rest as it is: for derivatives, not to go on from."""
    return at._replace(x=at.x + map_move(lower, at.x, at.step_size))
