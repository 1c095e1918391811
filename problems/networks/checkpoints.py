"""Checkpoints of DRUNet."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save

from ..files.tensor_file import read_tensors, require_match, shapes, under_prefix
from ..files.whole_file import write_whole
from .drunet import Drunet
from .network import Parameters
from .torch_names import NamedParameter, drunet_entries

GRADIENT_STEP = "student_grad.model."
"""Before the names of a network that Hurault et al.'s code trained as a gradient step."""


def load_drunet(path: str | Path, network: Drunet, prefix: str | None = None) -> Parameters:
    """Read the parameters of a DRUNet, float64, from a checkpoint with the published names.

    Takes the public `drunet_gray.pth` (`Drunet()`) and `drunet_color.pth` (`Drunet(channels=3)`), and files
    of the same names in the safetensors format; see `read_tensors` for what is safe. What training code puts
    before the names, such as "module." or "state_dict.student_grad.model.", is found, see `under_prefix`.
    Caveat: a file does not tell the activation. Gradient-step denoisers have "elu", the public DRUNet "relu";
    a warning says where the prefix is of the former and the network's is "relu".

    Args:
        path: a file that ends in .safetensors, .pth, .pt or .ckpt.
        network: the definition whose parameters the file holds.
        prefix: what stands before the names, with its last dot; None where only one fits.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file has another ending, is damaged, holds no tensors, or if names are missing,
            unexpected, of another shape, or there under several prefixes; the message lists them.
        ImportError: for a file of PyTorch's without PyTorch, or with one that reads it unsafely.
    """
    path = Path(path)
    entries = tuple(drunet_entries(network))
    expected = {entry.name: entry.shape for entry in entries}
    stored = read_tensors(path)
    tensors = under_prefix(stored, expected, prefix, f"{path.name} does not hold the weights of {network!r}")
    require_match(f"{path.name} does not fit {network!r}", expected, shapes(tensors))
    if network.activation == "relu" and any(GRADIENT_STEP in name for name in stored):
        warnings.warn(
            f"{path.name} has names of a gradient-step denoiser, which is trained with the activation 'elu'; "
            f"{network!r} has 'relu': the weights fit both, and the results do not",
            stacklevel=2,
        )
    return _tree(entries, tensors)


def save_drunet(
    path: str | Path, network: Drunet, parameters: Parameters, about: Mapping[str, str] | None = None
) -> None:
    """Write the parameters of a DRUNet as safetensors with the published names, in their own precision.

    Args:
        path: of the file, which is replaced if there is one.
        network: the definition of the parameters.
        parameters: a tree as `network.init` makes.
        about: texts that go with it, such as how it was made.

    Raises:
        KeyError: if the tree lacks a parameter of the definition.
        OSError: if the file cannot be written; an older one is as it was.
    """
    tensors = {}
    for entry in drunet_entries(network):
        leaf = np.asarray(_at(parameters, entry.path))
        tensors[entry.name] = np.ascontiguousarray(leaf.transpose(np.argsort(entry.order)))
    write_whole(Path(path), save(tensors, metadata=dict(about or {})))


def _tree(entries: tuple[NamedParameter, ...], tensors: Mapping[str, np.ndarray]) -> Parameters:
    tree: Parameters = {}
    for entry in entries:
        *keys, last = entry.path
        node = tree
        for key in keys:
            node = node.setdefault(key, {})
        node[last] = jnp.asarray(tensors[entry.name].transpose(entry.order), jnp.float64)
    return tree


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        tree = tree[key]
    return tree
