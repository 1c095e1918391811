"""Symmetric matrices on images whose entries couple near pixels only, and their Cholesky factors."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.lax import Precision
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float, Int

from .nested_dissection import CutAxis, Dissection, Level

IN_BOUNDS = "promise_in_bounds"


class StencilMatrix(NamedTuple):
    """A symmetric matrix on images, all of whose entries in a column lie near its pixel.

    Attributes:
        entries: entries[r + d, c + e, i, j] is that in the row of pixel (i + d, j + e), circularly, and the
            column of pixel (i, j), for |d| <= r and |e| <= c.
    """

    entries: Float[Array, "down across h w"]


class StencilFactor(NamedTuple):
    """Its Cholesky factor, front by front.

    Attributes:
        own: for each level but the root the inverse triangles of the pixels that its fronts eliminate: to
            multiply by them is quicker than to substitute.
        below: for each such level the rows of the borders.
        root: the lower triangle of the last front.
    """

    own: tuple[Float[Array, "fronts own own"], ...]
    below: tuple[Float[Array, "fronts border own"], ...]
    root: Float[Array, "own own"]


def factorize(dissection: Dissection, matrix: StencilMatrix) -> StencilFactor:
    """Factorise level by level, all fronts of one at once; NaN where the matrix is not positive definite.

    Of n pixels it takes some n^1.5 operations and n log n numbers.
    Source: Duff and Reid, 1983 (multifrontal method).
    """
    entries = _on_places(dissection, matrix)
    *levels, last = dissection.levels
    own: list[Array] = []
    below: list[Array] = []
    left = jnp.zeros((0, 0, 0), entries.dtype)
    for level in levels:
        size = level.own.shape[1]
        columns = _assembled(dissection, level, entries, left)
        # One after the other: JAX 0.10 spreads a batch of LAPACK calls over the threads that wait for it.
        # Where all of them wait, in two calls that do not depend on each other, the program hangs.
        inverse = lax.map(_inverse_triangle, columns[:, :size])
        rows = _product("fbp,fop->fbo", columns[:, size:], inverse)
        own.append(inverse)
        below.append(rows)
        border = slice(size, None)
        left = _from_parts(level, left, border, border) - _product("fbo,fco->fbc", rows, rows)
    root = lax.linalg.cholesky(_assembled(dissection, last, entries, left)[0], symmetrize_input=False)
    return StencilFactor(tuple(own), tuple(below), root)


def solve_factored(
    dissection: Dissection, factor: StencilFactor, rhs: Float[Array, "h w"]
) -> Float[Array, "h w"]:
    """Solve with the factor, forth and back."""
    pixels = _pixels(dissection).ravel()
    known = _taken(jnp.append(rhs.ravel(), jnp.zeros((), rhs.dtype)), (pixels,))
    *levels, last = dissection.levels
    halves = []
    for level, own, below in zip(levels, factor.own, factor.below, strict=True):
        half = _product("fop,fp->fo", own, _taken(known, (level.own,)))
        passed_on = -_product("fbo,fo->fb", below, half)
        known = known.at[level.border].add(passed_on, mode=IN_BOUNDS, wrap_negative_indices=False)
        halves.append(half)
    place = last.own[0]
    known = known.at[place].set(cho_solve((factor.root, True), known[place]), unique_indices=True)
    backwards = zip(levels[::-1], factor.own[::-1], factor.below[::-1], halves[::-1], strict=True)
    for level, own, below, half in backwards:
        rest = half - _product("fbo,fb->fo", below, _taken(known, (level.border,)))
        known = known.at[level.own].set(_product("fpo,fp->fo", own, rest), unique_indices=True)
    return _taken(known, (np.flatnonzero(pixels < rhs.size),)).reshape(rhs.shape)


def trace_of_inverse(dissection: Dissection, factor: StencilFactor) -> Float[Array, ""]:
    """Return the trace of the inverse matrix, from its entries on each front, the root's first.

    Source: Takahashi, Fagan and Chin, 1973 (selected inversion).
    """
    pixels = _pixels(dissection).ravel()
    is_pixel = jnp.asarray(pixels < dissection.down.length * dissection.across.length, factor.root.dtype)
    *levels, last = dissection.levels
    inverse = _inverted(factor.root)
    front = _product("fko,fkp->fop", inverse[None], inverse[None])
    total = jnp.sum(is_pixel[last.own] * jnp.diagonal(front, axis1=1, axis2=2))
    above = last
    for level, own, below in zip(levels[::-1], factor.own[::-1], factor.below[::-1], strict=True):
        parts = [front[:, part][:, :, part] for part in above.parts]
        border = jnp.stack(parts, 1).reshape(-1, *parts[0].shape[1:])
        # With Z on the border: -Z B, and L^-T L^-1 + B^T Z B inside, B the border's rows times L^-1.
        back = _product("fbo,fop->fbp", below, own)
        cross = -_product("fbc,fcp->fbp", border, back)
        here = _product("fko,fkp->fop", own, own) - _product("fbo,fbp->fop", back, cross)
        total = total + jnp.sum(is_pixel[level.own] * jnp.diagonal(here, axis1=1, axis2=2))
        front = jnp.block([[here, jnp.swapaxes(cross, 1, 2)], [cross, border]])
        above = level
    return total


def _assembled(
    dissection: Dissection,
    level: Level,
    entries: Float[Array, "down across places"],
    left: Float[Array, "parts border border"],
) -> Float[Array, "fronts front own"]:
    """Return the columns that each front eliminates: the matrix's own entries and what its parts left."""
    own = slice(level.own.shape[1])
    return _columns(dissection, level, entries) + _from_parts(level, left, slice(None), own)


def _columns(
    dissection: Dissection, level: Level, entries: Float[Array, "down across places"]
) -> Float[Array, "fronts front own"]:
    """Return the matrix's own entries in the columns that each front eliminates."""
    down, across = (size // 2 for size in entries.shape[:2])
    size = level.own.shape[1]
    apart = level.offsets[:, None] - level.offsets[:size]
    d, e = _centred(dissection.down, apart[..., 0]), _centred(dissection.across, apart[..., 1])
    near = (np.abs(d) <= down) & (np.abs(e) <= across)
    offset = (d + down) * entries.shape[1] + e + across
    at = np.where(near, offset * size + np.arange(size), entries.shape[0] * entries.shape[1] * size)
    values = jnp.moveaxis(_taken(entries.reshape(-1, entries.shape[2]), (slice(None), level.own)), 0, 1)
    values = jnp.pad(values.reshape(len(level.own), -1), ((0, 0), (0, 1)))
    return _taken(values, (slice(None), at))


def _from_parts(
    level: Level, left: Float[Array, "parts border border"], rows: slice, columns: slice
) -> Float[Array, "fronts rows columns"] | float:
    """Add up, in a front's order, what its parts leave for their borders; zero on a leaf."""
    if not level.parts:
        return 0.0
    count = left.shape[-1]
    of_parts = jnp.pad(
        left.reshape(len(level.own), len(level.parts), count, count), ((0, 0),) * 2 + ((0, 1),) * 2
    )
    total = jnp.zeros((), left.dtype)
    for number, part in enumerate(level.parts):
        place = np.full(len(level.offsets), count)
        place[part] = np.arange(count)
        of_part = _taken(of_parts[:, number], (slice(None), place[rows]))
        total = total + _taken(of_part, (slice(None), slice(None), place[columns]))
    return total


def _on_places(dissection: Dissection, matrix: StencilMatrix) -> Float[Array, "down across places"]:
    """Lay the entries on the grid of places, one where there is no pixel.

    Across a place without a pixel a coupling reaches one place further.
    """
    entries = matrix.entries
    down, across = dissection.down, dissection.across
    if down.places == down.length and across.places == across.length:
        return entries.reshape(*entries.shape[:2], -1)
    rows, columns = _couplings(down, entries.shape[0]), _couplings(across, entries.shape[1])
    entries = jnp.moveaxis(entries, 1, 2)
    entries = jnp.append(entries.reshape(-1, *entries.shape[2:]), jnp.zeros_like(entries[:1, 0]), 0)[rows]
    entries = jnp.moveaxis(entries, (2, 3), (0, 1))
    entries = jnp.append(entries.reshape(-1, *entries.shape[2:]), jnp.zeros_like(entries[:1, 0]), 0)[columns]
    # Now (across, column, down, row).
    entries = jnp.transpose(entries, (2, 0, 3, 1))
    centre = (entries.shape[0] // 2, entries.shape[1] // 2)
    missing = _pixels(dissection) == down.length * across.length
    entries = entries.at[centre].add(jnp.asarray(missing, entries.dtype))
    return entries.reshape(*entries.shape[:2], -1)


def _couplings(axis: CutAxis, width: int) -> Int[np.ndarray, "width places"]:
    """Return, for each place and each distance in places, where the entry is among (distance, pixel)."""
    reach = width // 2
    further = reach + (axis.places > axis.length)
    pixels = axis.pixels()
    other = np.stack([np.roll(pixels, -apart) for apart in range(-further, further + 1)])
    apart = (other - pixels + axis.length // 2) % axis.length - axis.length // 2
    found = (pixels >= 0) & (other >= 0) & (np.abs(apart) <= reach)
    return np.where(found, (apart + reach) * axis.length + pixels, width * axis.length)


def _centred(axis: CutAxis, apart: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Return the distance round the axis, the shorter way."""
    return (apart + axis.places // 2) % axis.places - axis.places // 2


def _pixels(dissection: Dissection) -> Int[np.ndarray, "rows columns"]:
    """Return the pixel in each place, one past the last where there is none."""
    down, across = dissection.down.pixels()[:, None], dissection.across.pixels()
    length = dissection.across.length
    return np.where((down >= 0) & (across >= 0), down * length + across, dissection.down.length * length)


def _taken(array: Float[Array, "..."], index: tuple[slice | Int[np.ndarray, "..."], ...]) -> Array:
    """Index without a check, which XLA would make while it compiles, on a million constants."""
    return array.at[index].get(mode=IN_BOUNDS, wrap_negative_indices=False)


def _inverse_triangle(block: Float[Array, "own own"]) -> Float[Array, "own own"]:
    return _inverted(lax.linalg.cholesky(block, symmetrize_input=False))


def _inverted(triangle: Float[Array, "own own"]) -> Float[Array, "own own"]:
    identity = jnp.eye(len(triangle), dtype=triangle.dtype)
    return lax.linalg.triangular_solve(triangle, identity, left_side=True, lower=True)


def _product(subscripts: str, *operands: Float[Array, "..."]) -> Array:
    return jnp.einsum(subscripts, *operands, precision=Precision.HIGHEST)
