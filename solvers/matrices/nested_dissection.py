"""The order in which an image's pixels are eliminated: nested dissection, from many leaves to one root."""

import functools
import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

SMALLEST_INTERVAL = 4
"""Shorter ones make more fronts without making them smaller; at least twice the reach is kept as well."""

Places = Int[np.ndarray, "count 2"]


class CutAxis(NamedTuple):
    """An axis of an image, taken as a circle, cut into intervals of one length.

    Behind each interval lies a separator as wide as the reach. Intervals that would be a pixel short end with
    a place that has no pixel, so that all regions of a level look the same.

    Attributes:
        length: pixels along the axis.
        reach: how many pixels apart two can be that the matrix couples.
        halvings: there are 2**halvings intervals; with none, one without a separator.
    """

    length: int
    reach: int
    halvings: int

    @property
    def interval(self) -> int:
        """How many places an interval has."""
        separators = self.reach * 2**self.halvings if self.halvings else 0
        return -(-(self.length - separators) // 2**self.halvings)

    @property
    def places(self) -> int:
        """How many places the axis has, those without a pixel included."""
        return (self.interval + (self.reach if self.halvings else 0)) * 2**self.halvings

    def pixels(self) -> Int[np.ndarray, " places"]:
        """Return the pixel in each place, -1 where there is none."""
        if not self.halvings:
            return np.arange(self.length)
        count = 2**self.halvings
        ends = (self.length - self.reach * count) * np.arange(count + 1) // count
        filled = np.ones((count, self.interval + self.reach), bool)
        filled[:, self.interval - 1] = np.diff(ends) == self.interval
        found = np.full(filled.shape, -1)
        found[filled] = np.arange(self.length)
        return found.ravel()

    def is_whole(self, level: int) -> bool:
        """Tell whether a region of a level goes all the way round."""
        return level >= self.halvings

    def region(self, level: int) -> int:
        """Return the length of a region of a level, in places."""
        if self.is_whole(level):
            return self.places
        return 2**level * (self.interval + self.reach) - self.reach

    def margin(self, level: int) -> int:
        """Return how far the separators beside a region extend."""
        return 0 if self.is_whole(level) else self.reach

    def starts(self, level: int) -> Int[np.ndarray, " parts"]:
        """Return where, in a region of a level, those of the level below begin."""
        parts = 1 if self.is_whole(level - 1) else 2
        return np.arange(parts) * (self.region(level - 1) + self.reach)


class Level(NamedTuple):
    """The fronts of one level, all alike: places that they eliminate, and a border that these couple to.

    Places are numbered row by row on the grid of both axes' places. A front has its own first.

    Attributes:
        own: the places that each front eliminates.
        border: places that are eliminated on levels above.
        offsets: where a front's places lie, (down, across) from the first place of its region.
        parts: for each part of its region, the positions in the front of the places of that part's border.
    """

    own: Int[np.ndarray, "fronts own"]
    border: Int[np.ndarray, "fronts border"]
    offsets: Places
    parts: tuple[Int[np.ndarray, " border"], ...]


class Dissection(NamedTuple):
    """How an image of a shape is dissected, leaves first.

    Attributes:
        down: its rows.
        across: its columns.
        levels: from the leaves to the root, whose border is empty. Fronts with one parent follow each other.
    """

    down: CutAxis
    across: CutAxis
    levels: tuple[Level, ...]


class FrontSizes(NamedTuple):
    """How many fronts a level has, and how many places each eliminates and has at its border."""

    fronts: int
    own: int
    border: int


def front_sizes(shape: tuple[int, int], reach: tuple[int, int]) -> list[FrontSizes]:
    """Return the sizes of every level of a dissection, leaves first, without making it."""
    axes = (_cut(shape[0], reach[0]), _cut(shape[1], reach[1]))
    return [_sizes(axes, level) for level in range(max(axis.halvings for axis in axes) + 1)]


def factor_size(shape: tuple[int, int], reach: tuple[int, int]) -> int:
    """Return how many numbers a factor holds, and the fronts of the largest level while it is computed."""
    sizes = front_sizes(shape, reach)
    factor = sum(fronts * own * (own + border) for fronts, own, border in sizes)
    return factor + max(fronts * ((own + border) ** 2 + border**2) for fronts, own, border in sizes)


@functools.lru_cache(maxsize=32)
def dissect(shape: tuple[int, int], reach: tuple[int, int]) -> Dissection:
    """Dissect an image along both axes at once: a region is cut in four by a cross of separators.

    Both axes are taken as circles: a boundary that is none costs the root a second pair of separators.
    Source: George, 1973; fronts: Duff and Reid, 1983.

    Args:
        shape: of the image (h, w), each longer than twice its reach.
        reach: how many pixels apart, down and across, two can be that the matrix couples; at least 1.
    """
    axes = (_cut(shape[0], reach[0]), _cut(shape[1], reach[1]))
    fronts = [_front(axes, level) for level in range(max(axis.halvings for axis in axes) + 1)]
    corners, levels = np.zeros((1, 2), int), []
    for level in reversed(range(len(fronts))):
        front = fronts[level]
        places = _number(axes, corners[:, None] + front.offsets)
        begins = _parts(axes, level) if level else np.zeros((0, 2), int)
        borders = [fronts[level - 1].border + begin for begin in begins]
        parts = tuple(_look_up(axes, level, front.positions, border) for border in borders)
        levels.append(Level(places[:, : front.own], places[:, front.own :], front.offsets, parts))
        corners = (corners[:, None] + begins).reshape(-1, 2)
    return Dissection(*axes, tuple(reversed(levels)))


def _sizes(axes: tuple[CutAxis, CutAxis], level: int) -> FrontSizes:
    fronts = math.prod(1 if axis.is_whole(level) else 2 ** (axis.halvings - level) for axis in axes)
    region = math.prod(axis.region(level) for axis in axes)
    around = math.prod(axis.region(level) + 2 * axis.margin(level) for axis in axes)
    parts = math.prod(len(axis.starts(level)) * axis.region(level - 1) for axis in axes) if level else 0
    return FrontSizes(fronts, region - parts, around - region)


class _Front(NamedTuple):
    """The places of a level's fronts, how many are their own, and where they lie on region and margin."""

    offsets: Places
    own: int
    positions: Int[np.ndarray, "rows columns"]

    @property
    def border(self) -> Places:
        """The places of the border."""
        return self.offsets[self.own :]


def _cut(length: int, reach: int) -> CutAxis:
    smallest = max(2 * reach, SMALLEST_INTERVAL)
    halvings = 0
    while length // 2 ** (halvings + 1) - reach >= smallest:
        halvings += 1
    return CutAxis(length, reach, halvings)


def _parts(axes: tuple[CutAxis, CutAxis], level: int) -> Places:
    """Return where, in a region of a level, those of the level below begin."""
    down, across = (axis.starts(level) for axis in axes)
    return np.stack(np.meshgrid(down, across, indexing="ij"), -1).reshape(-1, 2)


def _front(axes: tuple[CutAxis, CutAxis], level: int) -> _Front:
    spans = [np.arange(-axis.margin(level), axis.region(level) + axis.margin(level)) for axis in axes]
    offsets = np.stack(np.meshgrid(*spans, indexing="ij"), -1)
    inside = np.logical_and.outer(
        *((span >= 0) & (span < axis.region(level)) for span, axis in zip(spans, axes, strict=True))
    )
    own = inside
    if level:
        own = inside & ~np.logical_and.outer(*map(_is_in_part, axes, (level, level), spans))
    count = int(own.sum())
    positions = np.full(inside.shape, -1)
    positions[own] = np.arange(count)
    positions[~inside] = count + np.arange((~inside).sum())
    return _Front(np.concatenate([offsets[own], offsets[~inside]]), count, positions)


def _is_in_part(axis: CutAxis, level: int, span: Int[np.ndarray, " n"]) -> np.ndarray:
    length = axis.region(level - 1)
    return np.any([(span >= start) & (span < start + length) for start in axis.starts(level)], axis=0)


def _look_up(
    axes: tuple[CutAxis, CutAxis], level: int, positions: Int[np.ndarray, "rows columns"], offsets: Places
) -> Int[np.ndarray, " count"]:
    """Return the positions of places in the front of a level, whose places lie round a circle where whole."""
    down, across = (
        offsets[:, number] % axis.places if axis.is_whole(level) else offsets[:, number] + axis.margin(level)
        for number, axis in enumerate(axes)
    )
    return positions[down, across]


def _number(axes: tuple[CutAxis, CutAxis], places: Int[np.ndarray, "... 2"]) -> Int[np.ndarray, "..."]:
    down, across = (places[..., number] % axis.places for number, axis in enumerate(axes))
    return (down * axes[1].places + across).astype(np.int32)
