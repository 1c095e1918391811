"""What the driver learns from the residuals that it looks at: how fast they fall, and whether they grow."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

GROWTH = 1e4
"""A residual that is so many times the smallest one seen has diverged."""
ROUNDING = 1e3
"""Residuals below so many times the precision are rounding: their ratios say nothing."""


class Progress(NamedTuple):
    """The last residual, the smallest, and the factor per step over the last stretch.

    Attributes:
        residual: infinite before the first look.
        smallest: of those seen.
        contraction: infinite as long as nothing is known; NaN would be an alarm under `jax_debug_nans`.
        begun_finite: whether a finite residual of the start is known.
    """

    residual: Float[Array, ""]
    smallest: Float[Array, ""]
    contraction: Float[Array, ""]
    begun_finite: Bool[Array, ""]


def unseen(dtype: jnp.dtype) -> Progress:
    """Return the progress of a solve whose residual nobody has looked at."""
    infinite = jnp.asarray(jnp.inf, dtype)
    return Progress(infinite, infinite, infinite, jnp.zeros((), bool))


def started(residual: Float[Array, ""]) -> Progress:
    """Return the progress of a solve whose start has this residual."""
    finite = jnp.isfinite(residual)
    # A start that is not finite is no start: the first look says what became of it.
    known = jnp.where(finite, residual, jnp.full_like(residual, jnp.inf))
    return Progress(known, known, jnp.full_like(residual, jnp.inf), finite)


def looked(progress: Progress, residual: Float[Array, ""], steps: int | Int[Array, ""]) -> Progress:
    """Return the progress after `steps` more steps, at this residual."""
    floor = ROUNDING * jnp.finfo(residual.dtype).eps
    # Infinite over finite is growth without a factor; the other way round nothing was known.
    tells = jnp.isfinite(progress.residual) & jnp.isfinite(residual) & (residual > floor)
    ratio = residual / jnp.where(tells & (progress.residual > 0), progress.residual, jnp.ones_like(residual))
    factor = ratio ** (1 / jnp.asarray(steps, residual.dtype))
    return Progress(
        residual,
        jnp.fmin(progress.smallest, residual),
        jnp.where(tells, factor, progress.contraction),
        progress.begun_finite,
    )


def has_grown(progress: Progress) -> Bool[Array, ""]:
    """Tell whether the residual is far above the smallest one, and not by rounding."""
    dtype = progress.residual.dtype
    least = jnp.sqrt(jnp.asarray(jnp.finfo(dtype).eps, dtype))
    # An infinite residual has grown if there was a finite one; NaN compares false.
    smallest = progress.smallest
    return jnp.isfinite(smallest) & (progress.residual > GROWTH * jnp.maximum(smallest, least))


def has_diverged(progress: Progress) -> Bool[Array, ""]:
    """Tell whether the residual grew, beyond all numbers if its start is known to have been finite."""
    return has_grown(progress) | (progress.begun_finite & ~jnp.isfinite(progress.residual))
