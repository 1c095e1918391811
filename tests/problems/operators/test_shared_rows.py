"""Placing an image on devices row by row, and what banks of filters offer for large images."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import Blur, FilterBank, Identity, LowerLevel, shared_by_rows, total_variation
from hypergrad_bench.problems.arrays.normal import normal
from hypergrad_bench.problems.operators import filter_bank
from hypergrad_bench.problems.operators.shared_rows import AXIS

DEVICES = jax.devices()[:1]


def test_arrays_of_the_image_are_divided_by_rows_and_all_others_whole():
    tree = {
        "image": np.ones((4, 6)),
        "colour": np.ones((4, 6, 3)),
        "responses": np.ones((4, 4, 6)),
        "filters": np.ones((2, 3, 3)),
        "number": np.float64(1.0),
    }
    placed = shared_by_rows(tree, (4, 6), DEVICES)
    specs = {name: tuple(leaf.sharding.spec) for name, leaf in placed.items()}
    assert specs == {
        "image": (AXIS,),
        "colour": (AXIS,),
        "responses": (None, AXIS),
        "filters": (),
        "number": (),
    }
    for name, leaf in placed.items():
        np.testing.assert_array_equal(leaf, tree[name])


def test_a_lower_level_of_near_pixels_is_placed():
    lower = LowerLevel(Identity(), normal((4, 4), 0), total_variation(0.1))
    placed = shared_by_rows(lower, (4, 4), DEVICES)
    assert tuple(placed.y.sharding.spec) == (AXIS,)
    np.testing.assert_array_equal(placed.y, lower.y)


def test_what_does_not_fit_is_refused_with_a_sentence():
    with pytest.raises(ValueError, match="an image of 5 rows cannot be shared evenly by 2 devices"):
        shared_by_rows(np.ones((5, 4)), (5, 4), DEVICES * 2)
    with pytest.raises(ValueError, match="cannot be shared evenly by 0 devices"):
        shared_by_rows(np.ones((4, 4)), (4, 4), [])
    with pytest.raises(
        ValueError, match=r"no array has the sides \(4, 6\) of the image; got shapes \[\(6, 4\)\]"
    ):
        shared_by_rows(np.ones((6, 4)), (4, 6), DEVICES)


@pytest.mark.parametrize("size", [3, 4])
def test_a_blur_with_a_square_kernel_is_a_bank_of_one_filter(size):
    kernel, x = normal((size, size), 0), normal((7, 6), 1)
    np.testing.assert_allclose(FilterBank(jnp.flip(kernel)[None])(x)[0], Blur(kernel)(x), atol=1e-13)


@pytest.mark.parametrize(("size", "boundary"), [(2, "circular"), (3, "replicate")])
def test_large_images_have_the_bound_of_small_ones_without_transforms(size, boundary, monkeypatch):
    bank = FilterBank(normal((2, size, size), 0), boundary)
    exact = jax.jit(lambda bank: bank.squared_norm((70, 19)))(bank)
    monkeypatch.setattr(filter_bank, "LARGE", 0)
    bound = jax.jit(lambda bank: bank.squared_norm((70, 19)))(bank)
    np.testing.assert_allclose(bound, exact, rtol=1e-13)
