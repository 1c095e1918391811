"""The state of a training survives its file to the bit; another one is not taken for it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from hypergrad_bench.bench.training.start import Start
from hypergrad_bench.bench.training.training_step import LearningState
from hypergrad_bench.problems import AnalysisL1


def state(seed: int) -> LearningState:
    """A state with numbers of all kinds, a transposed array and a random key among them."""
    regularizer = AnalysisL1.initial((4,), seed)
    moments = {"count": jnp.asarray(seed, jnp.int32), "key": jax.random.key(seed), "none": ()}
    turned = jnp.asarray(np.random.default_rng(seed).random((3, 2)).T)
    none = jnp.zeros((), jnp.int32)
    return LearningState(none, regularizer, regularizer, moments, Start(None, turned), none, none)


def plain(leaf):
    return jax.random.key_data(leaf) if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key) else leaf


def test_a_state_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "state.safetensors"
    save_checkpoint(path, Checkpoint(state(3), 1 / 3), "this one")
    read = load_checkpoint(path, state(0), "this one")
    assert read.seconds == 1 / 3
    assert jax.tree.structure(read.state) == jax.tree.structure(state(3))
    for one, other in zip(jax.tree.leaves(read.state), jax.tree.leaves(state(3)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(plain(one), plain(other))
    assert [child.name for child in tmp_path.iterdir()] == [path.name]


def test_what_is_another_state_is_refused(tmp_path):
    path = tmp_path / "state.safetensors"
    with pytest.raises(UserError, match="cannot be read"):
        load_checkpoint(path, state(0), "this one")
    save_checkpoint(path, Checkpoint(state(3), 0.0), "this one")
    with pytest.raises(UserError, match="is the state of another training; delete it to start again"):
        load_checkpoint(path, state(0), "that one")
    with pytest.raises(UserError, match="holds other arrays than this training has"):
        load_checkpoint(path, state(0)._replace(moments=()), "this one")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match="cannot be read"):
        load_checkpoint(path, state(0), "this one")
