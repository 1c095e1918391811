"""Checkpoints of DRUNet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

from ..tensor_file import read_tensors, require_match, shapes
from .drunet import Drunet
from .network import Parameters
from .torch_names import Entry, drunet_entries


def load_drunet(path: str | Path, network: Drunet) -> Parameters:
    """Read the parameters of a DRUNet, float64, from a checkpoint with the published names.

    Takes the public `drunet_gray.pth` (`Drunet()`) and `drunet_color.pth` (`Drunet(channels=3)`), and files
    of the same names in the safetensors format; see `read_tensors` for what is safe.

    Args:
        path: a file that ends in .safetensors, .pth or .pt.
        network: the definition whose parameters the file holds.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file has another ending, is damaged, holds anything but tensors, or if names are
            missing, unexpected or of another shape; the message lists them.
        ImportError: for a file of PyTorch's without PyTorch, or with one that reads it unsafely.
    """
    path = Path(path)
    tensors = read_tensors(path)
    entries = tuple(drunet_entries(network))
    expected = {entry.name: entry.shape for entry in entries}
    require_match(f"{path.name} does not fit {network!r}", expected, shapes(tensors))
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
    """
    tensors = {}
    for entry in drunet_entries(network):
        leaf = np.asarray(_at(parameters, entry.path))
        tensors[entry.name] = np.ascontiguousarray(leaf.transpose(np.argsort(entry.order)))
    save_file(tensors, path, metadata=dict(about or {}))


def _tree(entries: tuple[Entry, ...], tensors: Mapping[str, np.ndarray]) -> Parameters:
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
