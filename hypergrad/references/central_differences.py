"""Differences of a loss along random directions, with a plateau over the step."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel

_Found = TypeVar("_Found")
_Start = TypeVar("_Start")

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)
SHORTEST = 1e-7
LEAST_GAP = 1e-3
"""Parts of the largest derivative by which derivatives from both sides differ at a kink."""


def random_directions(lower: LowerLevel, count: int, seed: int, fields: tuple[str, ...]) -> LowerLevel:
    """Draw directions in the space of the leaves of `lower`, uniform on the unit sphere.

    Args:
        lower: gives structure and shapes.
        count: how many directions, the leading axis of every leaf of the result.
        seed: of the draw.
        fields: which of "A", "y" and "regularizer" move; the others' entries are zero.
    """
    generator = np.random.default_rng([seed, 5])

    def draw(path: Any, leaf: Array) -> np.ndarray:
        moves = path[0].name in fields
        return generator.normal(size=(count, *leaf.shape)) if moves else np.zeros((count, *leaf.shape))

    drawn = jax.tree_util.tree_map_with_path(draw, lower)
    squares = sum(np.square(leaf).reshape(count, -1).sum(axis=1) for leaf in jax.tree.leaves(drawn))
    norm = np.sqrt(squares)
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf / norm.reshape((count,) + (1,) * (leaf.ndim - 1))), drawn
    )


class Differences(NamedTuple):
    """Derivatives along some directions, from losses on both sides, shape (count,).

    Attributes:
        central: (loss(+h) - loss(-h)) / 2h.
        left: (loss(0) - loss(-h)) / h.
        right: (loss(+h) - loss(0)) / h.
    """

    central: Float[Array, "..."]
    left: Float[Array, "..."]
    right: Float[Array, "..."]


def central_differences(
    loss: Callable[[LowerLevel], Float[Array, ""]], lower: LowerLevel, directions: LowerLevel
) -> Differences:
    """Differentiate `loss` along each direction on the plateau of its central differences.

    Steps h from 1e-3 to 1e-9 are tried; of each two neighbours that agree best the smaller step's quotients
    are returned, since its truncation error is less. A loss that is NaN at some step rules that step out.
    They are trustworthy only if `loss` solves the lower level to rounding: differences of an unconverged
    solve agree with its derivative, not with the solution's. Left and right differ at a kink.
    """
    return jax.vmap(plateau)(difference_quotients(loss, lower, directions))


def difference_quotients(
    loss: Callable[[LowerLevel], Float[Array, ""]], lower: LowerLevel, directions: LowerLevel
) -> Differences:
    """Return the quotients at every step of `STEPS`, one row per direction: arrays of shape (count, steps).

    What they do as the step shrinks shows a kink (left and right stay apart) and where rounding sets in.
    """
    _, quotients = solve_and_differ(
        lambda moved, _: loss(moved), lambda _: None, lambda value: value, lower, directions, start=None
    )
    return quotients


def solve_and_differ(
    solved: Callable[[LowerLevel, _Start], _Found],
    beginning: Callable[[_Found], _Start],
    loss: Callable[[_Found], Float[Array, ""]],
    lower: LowerLevel,
    directions: LowerLevel,
    start: _Start,
) -> tuple[_Found, Differences]:
    """Solve a lower level, and from there every moved one; all are turns of one loop, compiled once.

    Returns what was found at `lower`, and the quotients of its loss at every step of `STEPS`, one row per
    direction: arrays of shape (count, steps). Caveat: what was found is carried through the loop, so that
    memory does not grow with the number of solves, but reverse mode does not pass.

    Args:
        solved: solves a lower level from a start.
        beginning: what was found at `lower` as the start of all other solves.
        loss: of what was found.
        lower: where to differentiate.
        directions: from `random_directions`; the leaves of `lower`, each with a leading axis (count,).
        start: of the solve at `lower`.
    """
    # Traced once, for the shapes and in the loop; a function of this call alone, or JAX would remember it.
    once = jax.jit(lambda *given: solved(*given))
    shapes = jax.eval_shape(once, lower, start)
    nothing = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), shapes)
    steps = np.asarray(STEPS)
    signed = np.concatenate([[0.0], steps, -steps])
    count = jax.tree.leaves(directions)[0].shape[0]

    def turn(
        before: tuple[_Start, _Found], move: tuple[Array, Array, Array]
    ) -> tuple[tuple[_Start, _Found], Array]:
        (start, here), (number, step, first) = before, move
        moved = jax.tree.map(lambda leaf, moves: leaf + step * moves[number], lower, directions)
        found = once(moved, start)
        here = jax.tree.map(lambda new, old: jnp.where(first, new, old), found, here)
        return (beginning(here), here), loss(found)

    numbers, moves = np.repeat(np.arange(count), signed.size), np.tile(signed, count)
    first = np.arange(moves.size) == 0
    (_, here), losses = jax.lax.scan(
        turn, (start, nothing), (jnp.asarray(numbers), jnp.asarray(moves), jnp.asarray(first))
    )
    still, ahead, behind = jnp.split(losses.reshape(count, -1), (1, steps.size + 1), axis=1)
    lengths = steps[None, :]
    quotients = (ahead - behind) / (2 * lengths), (still - behind) / lengths, (ahead - still) / lengths
    return here, Differences(*quotients)


def slopes_along(gradient: LowerLevel, directions: LowerLevel) -> Float[Array, " count"]:
    """Return the derivative along each direction that a gradient stands for: their inner products.

    Args:
        gradient: by every leaf of the lower level.
        directions: the same leaves, each with a leading axis of `count` directions.
    """
    leaves = zip(jax.tree.leaves(directions), jax.tree.leaves(gradient), strict=True)
    return jnp.asarray(sum(jnp.tensordot(direction, leaf, axes=leaf.ndim) for direction, leaf in leaves))


def plateau(quotients: Differences) -> Differences:
    """Return one direction's quotients at the smaller step of the two neighbours that agree best."""
    changes = jnp.abs(jnp.diff(quotients.central))
    best = jnp.argmin(jnp.where(jnp.isfinite(changes), changes, jnp.inf))
    return jax.tree.map(lambda all_steps: all_steps[best + 1], quotients)


def kinked(quotients: Differences, value: Float[Array, ""]) -> Bool[Array, ""]:
    """Tell whether the loss has a kink: left and right stay apart at every step, along some direction.

    Of a smooth loss their gap falls with the step, at a kink it does not. Gaps count from a thousandth of the
    largest derivative and a hundred times the rounding of `value`, the loss. Steps below `SHORTEST` are not
    asked, so that a kink nearer than that counts as met.

    Args:
        quotients: from `difference_quotients`.
        value: the loss itself.
    """
    asked = np.asarray(STEPS) >= SHORTEST
    gaps, slopes = (
        jnp.where(jnp.isfinite(one), one, jnp.nan)[:, asked]
        for one in (jnp.abs(quotients.right - quotients.left), jnp.abs(quotients.central))
    )
    rounding = 100 * jnp.finfo(gaps.dtype).eps * jnp.abs(value) / jnp.asarray(np.asarray(STEPS)[asked])
    # A loss that is not a number at a step says nothing there.
    apart = jnp.isnan(gaps) | (gaps > LEAST_GAP * jnp.nanmax(slopes) + rounding[None, :])
    return jnp.any(jnp.all(apart, axis=1) & ~jnp.all(jnp.isnan(gaps), axis=1))
