"""A regulariser in a folder: its arrays as safetensors, and a description in JSON."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.numpy
from safetensors import SafetensorError

from ..regularizer import Regularizer
from .described_tree import Arrays, describe, rebuild, same_bits
from .regular_file import read_regular
from .whole_file import write_whole

FORMAT, VERSION = "regularizer of hypergrad-bench", 1
DESCRIPTION = "regularizer.json"
LEAVES = "leaves-*.safetensors"


def save_regularizer(
    folder: str | os.PathLike[str], regularizer: Regularizer, about: Mapping[str, str] | None = None
) -> None:
    """Write a regulariser with all its parameters and settings into a folder, from which it comes back.

    The folder is made if there is none, and what was saved in it before is replaced: the description is
    written last, in one step, so that a process that is killed leaves the old regulariser or the new one.
    What would not come back bit for bit is refused before anything is written.

    Args:
        folder: of the regulariser.
        regularizer: an object of a class of `problems`, or of one that `problems.pytree` made.
        about: texts that go with it, such as how it was trained.

    Raises:
        TypeError: if it is no regulariser, or holds something else than arrays, numbers, texts and settings.
        ValueError: if it holds a parameter that its own constructor refuses, or would come back as another.
        OSError: if the folder cannot be written.
    """
    if not isinstance(regularizer, Regularizer):
        raise TypeError(f"a regularizer is saved, which offers initial; got {type(regularizer).__name__}")
    description, arrays = describe(regularizer)
    if not same_bits(regularizer, rebuild(description, arrays)):
        raise ValueError(
            f"{type(regularizer).__name__} does not come back as it is from what its fields hold"
        )
    content = safetensors.numpy.save(arrays)
    digest = hashlib.sha256(content).hexdigest()
    name = LEAVES.replace("*", digest[:16])
    body = {
        "format": FORMAT,
        "version": VERSION,
        "leaves": {"file": name, "sha256": digest},
        "about": dict(about or {}),
        "regularizer": description,
    }
    _write(Path(folder), name, content, body)


def load_regularizer(folder: str | os.PathLike[str]) -> Regularizer:
    """Read a regulariser that `save_regularizer` wrote, the same bit for bit.

    Nothing in the folder is executed or imported: a class is one that this process knows by its name, and
    its constructor checks the parameters. Define, or import, a class of your own before.

    Raises:
        ValueError: if the folder holds no regulariser, or a damaged one, one of a newer version, one of a
            class that is not known, or one in float64 where JAX has 32 bits; the message says which.
    """
    place, body = _body(Path(folder))
    try:
        regularizer = rebuild(body["regularizer"], _arrays(Path(folder), body["leaves"]))
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{place} cannot be loaded: {error}") from error
    if not isinstance(regularizer, Regularizer):
        raise ValueError(f"{place} holds a {type(regularizer).__name__}, which is no regularizer")
    return regularizer


def about_regularizer(folder: str | os.PathLike[str]) -> dict[str, str]:
    """Read the texts that go with a saved regulariser; errors are those of `load_regularizer`."""
    return _body(Path(folder))[1]["about"]


def _write(folder: Path, name: str, content: bytes, body: dict[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / name, content)
    sealed = {**body, "sha256": _seal(body)}
    write_whole(folder / DESCRIPTION, json.dumps(sealed, indent=1, allow_nan=False).encode() + b"\n")
    for older in folder.glob(LEAVES):
        if older.name != name:
            older.unlink(missing_ok=True)


def _seal(body: dict[str, Any]) -> str:
    """Return the SHA-256 of a description, whatever its white space: a number that was changed shows."""
    return hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _body(folder: Path) -> tuple[str, dict[str, Any]]:
    """Return the name of a folder for messages and the description that it holds, checked."""
    place = f"the saved regularizer {folder.name!r}"
    if not (folder / DESCRIPTION).exists():
        raise ValueError(
            f"{place} is not there: a folder with the file {DESCRIPTION}, as problems.save_regularizer and "
            "hgb train write, is accepted"
        )
    content = read_regular(folder / DESCRIPTION, f"{place}, {DESCRIPTION},")
    try:
        body = json.loads(content, parse_constant=_refuse_constant, object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{place} is damaged: {DESCRIPTION} is not JSON ({error})") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise ValueError(f"{place} holds a {DESCRIPTION} of another kind; {FORMAT!r} is accepted")
    _require_readable(body, place)
    return place, body


def _require_readable(body: dict[str, Any], place: str) -> None:
    version = body.get("version")
    if type(version) is int and version > VERSION:
        raise ValueError(
            f"{place} was saved by a newer hypergrad-bench, in version {version} of the format; this one "
            f"reads {VERSION}: pip install --upgrade hypergrad-bench"
        )
    seal = body.pop("sha256", None)
    if version != VERSION or seal != _seal(body):
        raise ValueError(
            f"{place} is damaged: {DESCRIPTION} was changed since it was saved; load it in Python, change "
            "the regularizer, and save it again"
        )
    wanted = {"format", "version", "leaves", "about", "regularizer"}
    if set(body) != wanted or not _is_about(body["about"]):
        raise ValueError(f"{place} has a description with other parts than {', '.join(sorted(wanted))}")


def _is_about(about: Any) -> bool:
    return isinstance(about, dict) and all(isinstance(text, str) for text in about.values())


def _arrays(folder: Path, leaves: Any) -> Arrays:
    match leaves:
        case {"file": str(name), "sha256": str(digest)} if Path(name).name == name:
            content = read_regular(folder / name, name)
        case _:
            raise ValueError("the description names no file of arrays")
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError(f"{name} is damaged, or another than the one that was saved")
    try:
        return safetensors.numpy.load(content)
    except SafetensorError as error:
        raise ValueError(f"{name} is no safetensors file: {error}") from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)
