"""Named tensors in files: what is read is never executed."""

import importlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open

SAFE_TORCH = (2, 10)
"""The first PyTorch without a known way to run code through `weights_only=True` (CVE-2026-24747)."""

SHOWN = 8
"""Names listed in an error, at most, of each kind."""


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """Read all tensors of a safetensors or a PyTorch file by name.

    PyTorch's files (.pth, .pt) are read with `weights_only=True`, in float64, and need the extra torch. For
    a file that you do not trust prefer safetensors: that format cannot hold code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it has another ending, is damaged, or holds anything but tensors.
        ImportError: for a file of PyTorch's without PyTorch, or with one that reads it unsafely.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no checkpoint at {path}")
    readers = {".safetensors": _read_safetensors, ".pth": _read_torch, ".pt": _read_torch}
    if path.suffix not in readers:
        raise ValueError(f"a checkpoint ends in {', '.join(readers)}; got {path.name}")
    return readers[path.suffix](path)


def require_match(
    head: str, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise `ValueError` unless names and shapes agree; after `head` the message lists what does not."""
    wrong = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [name for name in found if name not in expected],
        "of another shape": [
            f"{name} {found[name]} instead of {shape}"
            for name, shape in expected.items()
            if name in found and found[name] != shape
        ],
    }
    reasons = [f"{kind}: {_listed(names)}" for kind, names in wrong.items() if names]
    if reasons:
        raise ValueError(f"{head}; " + "; ".join(reasons))


def shapes(tensors: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """Return the shapes by name."""
    return {name: tuple(one.shape) for name, one in tensors.items()}


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path.name} is no safetensors file, or damaged: {error}") from error


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    instead = "convert it to safetensors where PyTorch is, which needs nothing here"
    try:
        torch = importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            f"{path.name} is PyTorch's format: pip install 'hypergrad-bench[torch]', or {instead}"
        ) from error
    if tuple(int(part) for part in str(torch.__version__).split(".")[:2]) < SAFE_TORCH:
        least = ".".join(map(str, SAFE_TORCH))
        raise ImportError(
            f"PyTorch {torch.__version__} can run code that {path.name} hides: install {least} or newer, or "
            f"{instead}"
        )
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    # PyTorch raises errors of many types, with advice to read the file unsafely.
    except Exception as error:
        raise ValueError(f"{path.name} holds more than weights, or is damaged") from error
    if not isinstance(found, Mapping):
        raise ValueError(f"{path.name} holds a {type(found).__name__}; a dictionary of tensors is expected")
    strangers = [str(name) for name, one in found.items() if not isinstance(one, torch.Tensor)]
    if strangers:
        raise ValueError(f"{path.name} holds what is no tensor: {_listed(strangers)}")
    return {str(name): one.detach().to(torch.float64).numpy() for name, one in found.items()}


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
