"""Checkpoints of DRUNet: nothing in them is executed."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from .drunet import Drunet
from .network import Parameters
from .torch_names import Entry, drunet_entries

SHOWN = 8
"""Names listed in an error, at most, of each kind."""


def load_drunet(path: str | Path, network: Drunet) -> Parameters:
    """Read the parameters of a DRUNet, float64, from a checkpoint with the published names.

    Takes the public `drunet_gray.pth` (`Drunet()`) and `drunet_color.pth` (`Drunet(channels=3)`), and files
    of the same names in the safetensors format. PyTorch's files are read with `weights_only=True` and need
    the extra torch.

    Args:
        path: a file that ends in .safetensors, .pth or .pt.
        network: the definition whose parameters the file holds.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file has another ending, is damaged, holds anything but tensors, or if names are
            missing, unexpected or of another shape; the message lists them.
        ImportError: for a file of PyTorch's without PyTorch.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    readers = {".safetensors": _read_safetensors, ".pth": _read_torch, ".pt": _read_torch}
    if path.suffix not in readers:
        raise ValueError(f"a checkpoint ends in {', '.join(readers)}; got {path.name}")
    tensors = readers[path.suffix](path)
    entries = tuple(drunet_entries(network))
    _require_match(f"{path.name} does not fit {network!r}", entries, tensors)
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
    """
    tensors = {}
    for entry in drunet_entries(network):
        leaf = np.asarray(_at(parameters, entry.path))
        tensors[entry.name] = np.ascontiguousarray(leaf.transpose(np.argsort(entry.order)))
    save_file(tensors, path, metadata=dict(about or {}))


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path.name} is no safetensors file, or damaged: {error}") from error


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            f"{path.name} is PyTorch's format: pip install 'hypergrad-bench[torch]', or convert it to "
            "safetensors where PyTorch is, which needs nothing here"
        ) from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds, by what it meets
        raise ValueError(f"{path.name} holds more than weights, or is damaged: {error}") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path.name} holds a {type(found).__name__}; a dictionary of tensors is expected")
    strangers = [name for name, one in found.items() if not isinstance(one, torch.Tensor)]
    if strangers:
        raise ValueError(f"{path.name} holds what is no tensor: {_listed(map(str, strangers))}")
    return {name: one.detach().to(torch.float64).numpy() for name, one in found.items()}


def _require_match(head: str, entries: tuple[Entry, ...], tensors: Mapping[str, np.ndarray]) -> None:
    expected = {entry.name: entry.shape for entry in entries}
    wrong = [
        f"{name} {tuple(tensors[name].shape)} instead of {shape}"
        for name, shape in expected.items()
        if name in tensors and tuple(tensors[name].shape) != shape
    ]
    found = {
        "missing": [name for name in expected if name not in tensors],
        "unexpected": [name for name in tensors if name not in expected],
        "of another shape": wrong,
    }
    reasons = [f"{kind}: {_listed(names)}" for kind, names in found.items() if names]
    if reasons:
        raise ValueError(f"{head}; " + "; ".join(reasons))


def _listed(names: Any) -> str:
    names = list(names)
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest


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
