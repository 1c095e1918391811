"""Training the shipped network, and what it was good for."""

import dataclasses
import importlib.resources
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from denoiser_problems import drawn
from safetensors import safe_open

from hypergrad_bench.bench.commands import train_denoiser as command_module
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.training.denoiser_quality import quality
from hypergrad_bench.bench.training.denoiser_training import (
    Training,
    TrainingState,
    estimate,
    load_state,
    save_state,
    start_training,
    train,
)
from hypergrad_bench.problems.networks import SMALL, Drunet, shipped_weights

pytestmark = pytest.mark.optimised

TINY = Drunet(widths=(4, 6), blocks=1, activation="elu")
SHORT = Training(steps=30, batch=4, side=16)


@pytest.fixture
def usual_promotion():
    """Let optax multiply its whole-number step with numbers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def last(training: Training, state: TrainingState) -> TrainingState:
    for state, _ in train(training, TINY, state):  # noqa: B007, B020
        pass
    return state


def test_a_potential_denoises_by_its_gradient():
    p = drawn(TINY)
    y, sigma = jnp.asarray(np.random.default_rng(0).random((8, 6))), jnp.asarray(0.1)
    slope = jax.grad(lambda x: jnp.sum(TINY.apply(p, x, sigma)))(y)
    np.testing.assert_allclose(estimate("potential", TINY, p, y, sigma), y - slope, atol=1e-13)
    np.testing.assert_array_equal(estimate("denoiser", TINY, p, y, sigma), TINY.apply(p, y, sigma))


def test_training_begins_near_the_identity():
    y = jnp.asarray(np.random.default_rng(0).random((8, 6)), jnp.float32)
    start = start_training(Training(), TINY).parameters
    moved = estimate("denoiser", TINY, start, y, jnp.float32(0.1)) - y
    assert 0 < float(jnp.linalg.norm(moved)) < 0.2 * float(jnp.linalg.norm(y))


@pytest.mark.usefixtures("usual_promotion")
def test_training_goes_on_where_it_was_stopped(tmp_path):
    whole = last(SHORT, start_training(SHORT, TINY))
    steps = train(SHORT, TINY, start_training(SHORT, TINY))
    halfway = next(state for state, _ in steps if state.step == 13)
    save_state(tmp_path / "kept.safetensors", SHORT, TINY, halfway)
    resumed = last(SHORT, load_state(tmp_path / "kept.safetensors", SHORT, TINY))
    assert resumed.step == whole.step == 30
    jax.tree.map(np.testing.assert_array_equal, resumed, whole)


@pytest.mark.usefixtures("usual_promotion")
def test_training_reduces_the_error():
    longer = dataclasses.replace(SHORT, steps=120, batch=8)
    errors = [error for _, error in train(longer, TINY, start_training(longer, TINY))]
    assert np.mean(errors[-30:]) < 0.7 * np.mean(errors[:10])


def test_another_training_is_not_gone_on_with(tmp_path):
    path = tmp_path / "kept.safetensors"
    save_state(path, SHORT, TINY, start_training(SHORT, TINY))
    with pytest.raises(UserError, match="holds a training with other settings"):
        load_state(path, dataclasses.replace(SHORT, seed=1), TINY)
    with pytest.raises(UserError, match="holds a training with other settings"):
        load_state(path, SHORT, Drunet(widths=(4, 6), blocks=1))
    path.write_bytes(b"torn")
    with pytest.raises(UserError, match="is damaged"):
        load_state(path, SHORT, TINY)


@pytest.mark.slow
@pytest.mark.usefixtures("usual_promotion")
def test_the_command_pauses_goes_on_and_writes_the_weights(hgb, tmp_path, capsys, monkeypatch):
    # The training step of the shipped network takes a minute to compile.
    monkeypatch.setattr(command_module, "SMALL", TINY)
    command = (
        "train-denoiser",
        "--out",
        "weights.safetensors",
        "--steps",
        "4",
        "--batch",
        "2",
        "--side",
        "8",
    )
    assert hgb(*command, "--pause", "2") == 0
    assert "2 of 4 steps done" in capsys.readouterr().err
    assert not (tmp_path / "weights.safetensors").exists()
    assert hgb(*command) == 0
    assert "by total variation" in capsys.readouterr().err
    with safe_open(tmp_path / "weights.safetensors", framework="numpy") as file:
        assert json.loads(file.metadata()["training"])["steps"] == 4
    assert not list(tmp_path.glob("*.state.safetensors"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "w.npz"), "a file that ends in .safetensors"),
        (("--out", "gone/w.safetensors"), "in an existing folder"),
        (("--out", "w.safetensors", "--goal", "x"), "denoiser and potential are accepted"),
        (("--out", "w.safetensors", "--side", "1000"), "--side 1000: no photograph to train with holds"),
    ],
)
def test_bad_options_are_named(hgb, capsys, options, message):
    assert hgb("train-denoiser", *options) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("goal", ["denoiser", "potential"])
def test_the_shipped_weights_remove_noise(goal):
    """On photographs that they were not trained on, by as much as their own record says."""
    folder = importlib.resources.files("hypergrad_bench.problems.networks").joinpath("weights")
    with (
        importlib.resources.as_file(folder.joinpath(f"{goal}.safetensors")) as path,
        safe_open(path, framework="numpy") as file,
    ):
        recorded = json.loads(file.metadata()["psnr"])
    single = jax.tree.map(lambda leaf: leaf.astype("float32"), shipped_weights(goal))
    found = [dataclasses.asdict(one) for one in quality(goal, SMALL, single)]
    assert len(found) == len(recorded)
    for one, expected in zip(found, recorded, strict=True):
        assert one == pytest.approx(expected, abs=0.05)
        assert one["network"] > one["noisy"] + 2
