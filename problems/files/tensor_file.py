"""Named tensors in files: what is read is never executed."""

import importlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped
from safetensors import SafetensorError, safe_open

from .regular_file import require_regular

SAFE_TORCH = (2, 10)
"""The first PyTorch without a known way to run code through `weights_only=True` (CVE-2026-24747)."""

SHOWN = 8
"""Names listed in an error, at most, of each kind."""


Tensor = Shaped[np.ndarray, "..."]


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a safetensors or a PyTorch file by name.

    PyTorch's files (.pth, .pt, Lightning's .ckpt) are read with `weights_only=True`, in float64, and need
    the extra torch. A tensor in dictionaries of dictionaries has the keys, joined by dots, for its name; what
    is no tensor, such as the number of the epoch, is left out. For a file that you do not trust prefer
    safetensors: that format cannot hold code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no regular file, has another ending, is damaged, or holds no tensors by name.
        ImportError: for a file of PyTorch's without PyTorch, or with one that reads it unsafely.
    """
    if not path.exists():
        raise FileNotFoundError(f"no checkpoint at {path}")
    require_regular(path.stat(), f"checkpoint {path.name!r}")
    readers = {".safetensors": _read_safetensors} | dict.fromkeys((".pth", ".pt", ".ckpt"), _read_torch)
    if path.suffix not in readers:
        raise ValueError(f"a checkpoint ends in {', '.join(readers)}; got {path.name}")
    return readers[path.suffix](path)


def require_match(
    head: str, expected: Mapping[str, tuple[int, ...]], stored: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise `ValueError` unless names and shapes agree; after `head` the message lists what does not."""
    wrong = {
        "missing": [name for name in expected if name not in stored],
        "unexpected": [name for name in stored if name not in expected],
        "of another shape": [
            f"{name} {stored[name]} instead of {shape}"
            for name, shape in expected.items()
            if name in stored and stored[name] != shape
        ],
    }
    reasons = [f"{kind}: {_listed(names)}" for kind, names in wrong.items() if names]
    if reasons:
        raise ValueError(f"{head}; " + "; ".join(reasons))


def under_prefix(
    tensors: Mapping[str, Tensor], expected: Collection[str], prefix: str | None, head: str
) -> dict[str, Tensor]:
    """Return the tensors whose names begin with a prefix, without it.

    Training code puts `module.`, `params.`, `state_dict.`, `student_grad.model.` or others before the names
    of a network's parameters. If no `prefix` is given, the one that stands before all the expected names is
    taken, or before most of them, so that `require_match` can say what is missing. Other tensors of the
    file, an optimizer's for instance, are left out.

    Args:
        tensors: by name.
        expected: names of the parameters.
        prefix: with its last dot; empty for none, None to look for it.
        head: begins the message.

    Raises:
        ValueError: if the names fit under several prefixes, such as an average's beside the weights', or none
            begins with the given one; the message lists the prefixes.
    """
    counts = _prefixes(tensors, expected)
    fitting = [stem for stem, count in counts.items() if count == len(expected)]
    if prefix is None:
        if len(fitting) > 1 and "" not in fitting:
            raise ValueError(
                f"{head} in one place: say which by prefix=, one of {_listed(map(repr, fitting))}"
            )
        likeliest = max(counts, key=lambda stem: counts[stem], default="")
        prefix = "" if "" in fitting else (*fitting, likeliest)[0]
    chosen = {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
    if not chosen:
        known = _listed(map(repr, fitting)) or "none"
        raise ValueError(f"{head} under the prefix {prefix!r}; prefixes that fit: {known}")
    return chosen


def _prefixes(tensors: Mapping[str, Tensor], expected: Collection[str]) -> dict[str, int]:
    """Return every prefix in the file with the number of expected names that it stands before."""
    before = (
        name.removesuffix(wanted)
        for name in tensors
        for wanted in expected
        if name == wanted or name.endswith(f".{wanted}")
    )
    return dict(sorted(Counter(before).items()))


def shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shapes by name."""
    return {name: tuple(one.shape) for name, one in tensors.items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    # Numbers of 8 bits, which numpy lacks, end as an AttributeError.
    except (SafetensorError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path.name} is no safetensors file of numbers that numpy has, or damaged: {error}"
        ) from error


def _read_torch(path: Path) -> dict[str, Tensor]:
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
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    # PyTorch raises errors of many types, with advice to read the file unsafely.
    except Exception as error:
        raise ValueError(
            f"{path.name} holds more than weights, or is damaged; where you trust it, save its weights "
            "alone, as safetensors"
        ) from error
    if not isinstance(loaded, Mapping):
        raise ValueError(f"{path.name} holds a {type(loaded).__name__}; a dictionary of tensors is expected")
    tensors = {
        name: one.detach().to(torch.float64).numpy()
        for name, one in _leaves(loaded)
        if isinstance(one, torch.Tensor)
    }
    if not tensors:
        raise ValueError(f"{path.name} holds no tensors; it holds {_listed(map(str, loaded)) or 'nothing'}")
    return tensors


def _leaves(tree: Mapping[Any, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, one in tree.items():
        if isinstance(one, Mapping):
            yield from _leaves(one, f"{before}{key}.")
        else:
            yield f"{before}{key}", one


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + rest
