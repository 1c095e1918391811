"""Checkpoints with the published names, written here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from denoiser_problems import drawn
from safetensors.numpy import load_file, save_file

from hypergrad_bench.problems.networks import (
    SMALL,
    Drunet,
    load_drunet,
    save_drunet,
    shipped,
    shipped_weights,
)
from hypergrad_bench.problems.networks.torch_names import drunet_entries

NETWORK = Drunet(widths=(2, 3, 4, 5), blocks=2)


def published(network: Drunet) -> dict[str, np.ndarray]:
    """Random tensors with names and shapes spelt out as the authors' code makes them."""
    widths, shapes = network.widths, {}
    shapes["m_head.weight"] = (widths[0], network.channels + 1, 3, 3)
    shapes["m_tail.weight"] = (network.channels, widths[0], 3, 3)
    for scale in (1, 2, 3):
        fine, coarse = widths[scale - 1], widths[scale]
        for index in range(network.blocks):
            for layer in (0, 2):
                shapes[f"m_down{scale}.{index}.res.{layer}.weight"] = (fine, fine, 3, 3)
                shapes[f"m_up{scale}.{index + 1}.res.{layer}.weight"] = (fine, fine, 3, 3)
        shapes[f"m_down{scale}.{network.blocks}.weight"] = (coarse, fine, 2, 2)
        shapes[f"m_up{scale}.0.weight"] = (coarse, fine, 2, 2)
    for index in range(network.blocks):
        for layer in (0, 2):
            shapes[f"m_body.{index}.res.{layer}.weight"] = (widths[3], widths[3], 3, 3)
    generator = np.random.default_rng(0)
    return {name: generator.normal(size=shape).astype("float32") for name, shape in shapes.items()}


def test_kernels_are_transposed_into_place(tmp_path):
    tensors = published(NETWORK)
    save_file(tensors, tmp_path / "drunet.safetensors")
    found = load_drunet(tmp_path / "drunet.safetensors", NETWORK)
    assert jax.tree.structure(found) == jax.tree.structure(drawn(NETWORK))
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, drawn(NETWORK))
    one = tensors["m_down2.1.res.2.weight"]
    assert found["down2_1"]["second"]["kernel"][0, 2, 1, 2] == float(one[2, 1, 0, 2])
    assert found["down1_2"]["kernel"][0, 1, 1, 2] == float(tensors["m_down1.2.weight"][2, 1, 0, 1])
    # A transposed convolution's kernel is stored with its input first.
    assert found["up1_0"]["kernel"][0, 1, 2, 1] == float(tensors["m_up1.0.weight"][2, 1, 0, 1])


def test_names_of_the_public_checkpoints():
    """Four blocks: the change of size is entry 4 on the way down and entry 0 on the way up."""
    entries = {entry.name: entry.shape for entry in drunet_entries(Drunet(channels=3))}
    assert len(entries) == 2 + 2 * 3 + 7 * 4 * 2
    assert entries["m_head.weight"] == (64, 4, 3, 3)
    assert entries["m_down1.4.weight"] == (128, 64, 2, 2)
    assert entries["m_up3.0.weight"] == (512, 256, 2, 2)
    assert entries["m_up3.4.res.2.weight"] == (256, 256, 3, 3)
    assert entries["m_body.3.res.0.weight"] == (512, 512, 3, 3)
    assert entries["m_tail.weight"] == (3, 64, 3, 3)


def test_a_body_of_one_block_has_no_number():
    names = {entry.name for entry in drunet_entries(Drunet(blocks=1))}
    assert {"m_body.res.0.weight", "m_body.res.2.weight", "m_up1.1.res.0.weight"} <= names


def test_what_is_saved_is_read_back(tmp_path):
    path, parameters = tmp_path / "drunet.safetensors", drawn(NETWORK, 1)
    save_drunet(path, NETWORK, parameters, {"made": "here"})
    jax.tree.map(np.testing.assert_array_equal, load_drunet(path, NETWORK), parameters)
    assert load_file(path).keys() == published(NETWORK).keys()


def _without_head(tensors):
    del tensors["m_head.weight"]


def _with_bias(tensors):
    tensors["m_tail.bias"] = np.zeros(1, "float32")


def _with_wide_tail(tensors):
    tensors["m_tail.weight"] = np.zeros((3, 2, 3, 3), "float32")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without_head, r"missing: m_head\.weight$"),
        (_with_bias, r"unexpected: m_tail\.bias$"),
        (_with_wide_tail, r"of another shape: m_tail\.weight \(3, 2, 3, 3\) instead of \(1, 2, 3, 3\)$"),
    ],
)
def test_what_does_not_fit_is_listed(tmp_path, change, message):
    tensors = published(NETWORK)
    change(tensors)
    save_file(tensors, tmp_path / "drunet.safetensors")
    with pytest.raises(ValueError, match=message):
        load_drunet(tmp_path / "drunet.safetensors", NETWORK)


@pytest.mark.parametrize("prefix", ["module.", "state_dict.net."])
def test_names_behind_a_prefix_are_those_of_the_network(tmp_path, prefix):
    tensors, path = published(NETWORK), tmp_path / "drunet.safetensors"
    save_file(tensors, tmp_path / "plain.safetensors")
    save_file({prefix + name: one for name, one in tensors.items()}, path)
    plain = load_drunet(tmp_path / "plain.safetensors", NETWORK)
    jax.tree.map(np.testing.assert_array_equal, load_drunet(path, NETWORK), plain)
    jax.tree.map(np.testing.assert_array_equal, load_drunet(path, NETWORK, prefix), plain)
    with pytest.raises(ValueError, match=r"does not fit Drunet\(.*; missing: m_down1\.2\.res"):
        load_drunet(path, Drunet(widths=(2, 3, 4, 5), blocks=3))
    with pytest.raises(ValueError, match=r"does not hold the weights of Drunet\(.* under the prefix 'net\.'"):
        load_drunet(path, NETWORK, "net.")


def test_a_gradient_step_denoiser_has_another_activation(tmp_path):
    """Weights of Hurault et al. fit a network with ReLU in names and shapes."""
    held = {f"student_grad.model.{name}": one for name, one in published(NETWORK).items()}
    save_file(held, tmp_path / "gs.safetensors")
    with pytest.warns(UserWarning, match=r"is trained with the activation 'elu'; Drunet\(.* has 'relu'"):
        load_drunet(tmp_path / "gs.safetensors", NETWORK)
    load_drunet(tmp_path / "gs.safetensors", Drunet(1, NETWORK.widths, 2, "elu"))


@pytest.mark.parametrize("name", ["denoiser", "potential"])
def test_shipped_weights_fit_their_definition(name):
    found = shipped_weights(name)
    assert jax.tree.map(jnp.shape, found) == jax.tree.map(jnp.shape, drawn(SMALL))
    assert sum(leaf.size for leaf in jax.tree.leaves(found)) < 300_000
    assert shipped_weights(name) is found


def test_weights_that_are_first_read_while_tracing_are_arrays():
    shipped._read.cache_clear()
    jax.eval_shape(lambda: shipped_weights("denoiser"))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(shipped_weights()))
    jax.tree.map(np.asarray, shipped_weights())
