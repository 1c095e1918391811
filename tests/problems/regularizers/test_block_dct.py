"""The cosine transforms of all blocks, against scipy's."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.fft import dctn

from hypergrad_bench.problems import block_dct


@pytest.mark.parametrize("size", [2, 3, 4])
def test_responses_are_scipys_transforms_of_the_blocks(size):
    x = np.random.default_rng(size).normal(size=(9, 8))
    responses = np.asarray(block_dct(size=size).W(jnp.asarray(x)))
    offset = (size - 1) // 2
    for top, left in ((0, 0), (3, 2), (9 - size, 8 - size)):
        block = x[top : top + size, left : left + size]
        expected = dctn(block, norm="ortho").ravel()[1:] / size
        np.testing.assert_allclose(responses[:, top + offset, left + offset], expected, atol=1e-14)


def test_a_constant_image_costs_nothing_and_the_weight_counts():
    assert abs(block_dct(3.0, size=4).value(jnp.full((8, 8), 0.7))) < 1e-12
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 8, 3)))
    np.testing.assert_allclose(block_dct(3.0, 4).value(x), 3 * block_dct(1.0, 4).value(x), rtol=1e-13)
    with pytest.raises(ValueError, match="size must be a whole number, at least 2; got 1"):
        block_dct(size=1)
