"""A part of a larger image, seen by another operator."""

import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.problems import Blur, Cropped, Identity


def test_sees_the_part_alone():
    x = np.random.default_rng(0).normal(size=(5, 6, 3))
    blur = Blur(jnp.asarray(np.random.default_rng(1).normal(size=(3, 3))))
    A = Cropped(blur, (4, 3), (5, 6))
    np.testing.assert_array_equal(A(jnp.asarray(x)), blur(jnp.asarray(x[:4, :3])))
    r = jnp.asarray(np.random.default_rng(2).normal(size=(4, 3, 3)))
    back = A.adjoint(r)
    np.testing.assert_allclose(jnp.sum(back * x), jnp.sum(A(jnp.asarray(x)) * r), rtol=1e-12)
    assert A.squared_norm((5, 6, 3)) == blur.squared_norm((4, 3, 3))


def test_sizes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="the canvas not smaller"):
        Cropped(Identity(), (4, 3), (5, 2))
    with pytest.raises(ValueError, match=r"the canvas has sides \(5, 6\); got shape \(5, 5\)"):
        Cropped(Identity(), (4, 3), (5, 6))(jnp.ones((5, 5)))
    with pytest.raises(ValueError, match=r"the image has sides \(4, 3\)"):
        Cropped(Identity(), (4, 3), (5, 6)).adjoint(jnp.ones((3, 3)))
