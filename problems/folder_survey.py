"""What is in a folder of images, each of them proven readable."""

import functools
import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from .luma import luma

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp")


class Entry(NamedTuple):
    """A file's name, size in bytes and time of change in nanoseconds: enough to see that it changed."""

    name: str
    size: int
    modified: int


class Survey(NamedTuple):
    """Names and sizes (height, width) in pixels of the images, sorted by name, and a hash of it all."""

    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    fingerprint: str


def list_images(folder: str) -> tuple[Entry, ...]:
    """List the image files directly in `folder`, sorted by name; raise `ValueError` where that fails."""
    try:
        with os.scandir(folder) as found:
            return tuple(sorted(_entry(item) for item in found if _is_image(item)))
    except FileNotFoundError as error:
        raise ValueError(f"image folder {folder!r} does not exist") from error
    except NotADirectoryError as error:
        raise ValueError(f"{folder!r} is a file; give the folder that holds the images") from error
    except OSError as error:
        raise ValueError(f"image folder {folder!r} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=16)
def survey(folder: str, entries: tuple[Entry, ...]) -> Survey:
    """Read and decode every image of `folder`; `entries` list them, so that a change is surveyed anew.

    Raises:
        ValueError: if there are fewer than two images, or one of them cannot be read.
    """
    _require_two(folder, entries)
    digest = hashlib.sha256()
    sizes = []
    for entry in entries:
        content = _read(folder, entry.name)
        height, width = luma(content, entry.name).shape
        sizes.append((height, width))
        # Hashes of fixed length: no other division into names and contents gives the same bytes.
        digest.update(hashlib.sha256(os.fsencode(entry.name)).digest() + hashlib.sha256(content).digest())
    return Survey(tuple(entry.name for entry in entries), tuple(sizes), digest.hexdigest()[:16])


def read_luma(folder: str, name: str) -> Float64[np.ndarray, "height width"]:
    """Return the luma of one image in [0, 1]; raise `ValueError` where it cannot be read."""
    return luma(_read(folder, name), name)


def _read(folder: str, name: str) -> bytes:
    try:
        return Path(folder, name).read_bytes()
    except OSError as error:
        raise ValueError(f"image {name!r} cannot be read: {error.strerror}") from error


def _require_two(folder: str, entries: tuple[Entry, ...]) -> None:
    if len(entries) >= 2:
        return
    number = "only one image" if entries else "no image"
    raise ValueError(
        f"folder {os.path.basename(folder)!r} holds {number}; it needs at least two, one to train and one to "
        f"test with, directly in it and with a name ending in {', '.join(SUFFIXES)}"
    )


def _is_image(item: os.DirEntry[str]) -> bool:
    return item.name.lower().endswith(SUFFIXES) and not item.name.startswith(".") and not item.is_dir()


def _entry(item: os.DirEntry[str]) -> Entry:
    try:
        status = item.stat()
    except OSError as error:
        raise ValueError(f"image {item.name!r} cannot be read: {error.strerror}") from error
    return Entry(item.name, status.st_size, status.st_mtime_ns)
