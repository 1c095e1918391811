"""Annotations of the package are checked while the tests run, at the first call and later ones."""

import jax.numpy as jnp
import pytest
from jaxtyping import TypeCheckError

from hypergrad_bench.problems.operators.dense import Dense


def test_a_wrong_dimension_is_found_at_every_call() -> None:
    operator = Dense(jnp.ones((2, 3)))
    for _ in range(2):
        with pytest.raises(TypeCheckError, match="parameters of"):
            operator(jnp.ones((3, 1)))
        assert operator(jnp.ones(3)).shape == (2,)
