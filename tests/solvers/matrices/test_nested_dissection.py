"""Nested dissection: every pixel is eliminated once, and nothing couples across a separator."""

import itertools

import numpy as np
import pytest

from hypergrad_bench.solvers.matrices.nested_dissection import CutAxis, dissect, front_sizes

# Even lengths and odd ones, one axis too short to be cut, long and narrow images, several levels.
SHAPES = [
    ((24, 24), (2, 2)),
    ((30, 45), (2, 2)),
    ((20, 70), (2, 1)),
    ((7, 60), (3, 2)),
    ((33, 17), (1, 1)),
    ((41, 38), (4, 3)),
]


def _pixels(dissection, places):
    down, across = dissection.down.pixels(), dissection.across.pixels()
    rows, columns = down[places // dissection.across.places], across[places % dissection.across.places]
    return np.where((rows >= 0) & (columns >= 0), rows * dissection.across.length + columns, -1)


@pytest.mark.parametrize("length", range(9, 40))
@pytest.mark.parametrize("reach", [1, 2])
def test_an_axis_holds_every_pixel_in_order_once(length, reach):
    for halvings in (0, 1, 2):
        axis = CutAxis(length, reach, halvings)
        if length < (2 * reach) * 2**halvings:
            continue
        pixels = axis.pixels()
        assert len(pixels) == axis.places
        assert list(pixels[pixels >= 0]) == list(range(length))
        if halvings:
            # A place without a pixel is the last of an interval, never in a separator.
            assert (pixels.reshape(2**halvings, -1)[:, axis.interval :] >= 0).all()


@pytest.mark.parametrize(("shape", "reach"), SHAPES, ids=str)
def test_every_pixel_is_eliminated_once(shape, reach):
    dissection = dissect(shape, reach)
    own = np.concatenate([_pixels(dissection, level.own).ravel() for level in dissection.levels])
    assert sorted(own[own >= 0]) == list(range(shape[0] * shape[1]))


@pytest.mark.parametrize(("shape", "reach"), SHAPES, ids=str)
def test_a_front_holds_all_that_its_pixels_couple_to_later(shape, reach):
    dissection = dissect(shape, reach)
    eliminated = np.zeros(shape, bool)
    for level in dissection.levels:
        for own, border in zip(level.own, level.border, strict=True):
            mine, next_to = _pixels(dissection, own), _pixels(dissection, border)
            front = set(mine) | set(next_to)
            for pixel in mine[mine >= 0]:
                i, j = divmod(int(pixel), shape[1])
                for d, e in np.ndindex(2 * reach[0] + 1, 2 * reach[1] + 1):
                    row, column = (i + d - reach[0]) % shape[0], (j + e - reach[1]) % shape[1]
                    assert eliminated[row, column] or row * shape[1] + column in front
        own = _pixels(dissection, level.own).ravel()
        eliminated.ravel()[own[own >= 0]] = True
    assert eliminated.all()


@pytest.mark.parametrize(("shape", "reach"), SHAPES, ids=str)
def test_a_front_knows_the_borders_of_its_parts(shape, reach):
    levels = dissect(shape, reach).levels
    for below, level in itertools.pairwise(levels):
        fronts = np.concatenate([level.own, level.border], axis=1)
        parts = np.stack([fronts[:, part] for part in level.parts], axis=1)
        np.testing.assert_array_equal(parts.reshape(below.border.shape), below.border)


@pytest.mark.parametrize(("shape", "reach"), SHAPES, ids=str)
def test_sizes_are_known_before_a_dissection_is_made(shape, reach):
    made = [(*level.own.shape, level.border.shape[1]) for level in dissect(shape, reach).levels]
    assert front_sizes(shape, reach) == made


def test_a_factor_grows_little_faster_than_the_image():
    per_pixel = [
        sum(fronts * own * (own + border) for fronts, own, border in front_sizes((side, side), (2, 2)))
        / side**2
        for side in (64, 128, 256, 512)
    ]
    growth = np.diff(per_pixel)
    # n log n: as much is added per pixel each time that the side doubles.
    assert max(growth) < 1.3 * min(growth)
