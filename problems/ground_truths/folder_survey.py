"""What is in a folder of images, each of them proven readable."""

import functools
import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from ..files.image_file import SUFFIXES, decode_luma, decode_rgb
from ..files.regular_file import read_regular, require_regular


class FileStamp(NamedTuple):
    """A file's name, size in bytes and time of change in nanoseconds: enough to see that it changed."""

    name: str
    size: int
    modified: int


class Survey(NamedTuple):
    """Names and sizes (height, width) in pixels of the images, sorted by name, and a hash of it all.

    Attributes:
        brightest: the largest luma of all.
    """

    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    fingerprint: str
    brightest: float


def list_images(folder: str) -> tuple[FileStamp, ...]:
    """List the image files directly in `folder`, sorted by name; raise `ValueError` where that fails.

    A pipe, a socket or a device with the name of an image is refused, since to open it could wait for ever.
    """
    return tuple(sorted(_stamp(item) for item in _scan(folder) if _is_image(item)))


def left_out(folder: str) -> str | None:
    """Say how many files and folders in `folder` are no images and so are not read; None where there is none.

    Hidden ones are not counted.
    """
    others = [item for item in _scan(folder) if not _is_image(item) and not item.name.startswith(".")]
    endings = Counter("folders" if item.is_dir() else _ending(item.name) for item in others)
    return ", ".join(f"{count} {ending}" for ending, count in sorted(endings.items())) or None


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except FileNotFoundError as error:
        raise ValueError(f"image folder {folder!r} does not exist") from error
    except NotADirectoryError as error:
        raise ValueError(f"{folder!r} is a file; give the folder that holds the images") from error
    except OSError as error:
        raise ValueError(f"image folder {folder!r} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=16)
def survey(folder: str, stamps: tuple[FileStamp, ...]) -> Survey:
    """Read and decode every image of `folder`; `stamps` list them, so that a change is surveyed anew.

    Raises:
        ValueError: if there are fewer than two images, or one of them cannot be read.
    """
    _require_two(folder, stamps)
    digest = hashlib.sha256()
    sizes, brightest = [], 0.0
    for stamp in stamps:
        content = _read(folder, stamp.name)
        values = decode_luma(content, stamp.name)
        sizes.append(values.shape)
        brightest = max(brightest, float(values.max()))
        # Hashes of fixed length: no other division into names and contents gives the same bytes.
        digest.update(hashlib.sha256(os.fsencode(stamp.name)).digest() + hashlib.sha256(content).digest())
    return Survey(tuple(stamp.name for stamp in stamps), tuple(sizes), digest.hexdigest()[:16], brightest)


def read_luma(folder: str, name: str) -> Float64[np.ndarray, "height width"]:
    """Return the luma of one image in [0, 1]; raise `ValueError` where it cannot be read."""
    return decode_luma(_read(folder, name), name)


def read_rgb(folder: str, name: str) -> Float64[np.ndarray, "height width 3"]:
    """Return R, G and B of one image in [0, 1]; raise `ValueError` where it cannot be read."""
    return decode_rgb(_read(folder, name), name)


@functools.lru_cache(maxsize=16)
def grey_images(folder: str, stamps: tuple[FileStamp, ...]) -> tuple[str, ...]:
    """Name the images whose three channels are equal everywhere."""
    return tuple(stamp.name for stamp in stamps if _is_grey(read_rgb(folder, stamp.name)))


def _is_grey(colours: Float64[np.ndarray, "height width 3"]) -> bool:
    return bool((colours[..., :1] == colours).all())


def _read(folder: str, name: str) -> bytes:
    return read_regular(Path(folder, name), f"image {name!r}")


def _require_two(folder: str, stamps: tuple[FileStamp, ...]) -> None:
    if len(stamps) >= 2:
        return
    number = "only one image" if stamps else "no image"
    others = left_out(folder)
    raise ValueError(
        f"folder {os.path.basename(folder)!r} holds {number}; it needs at least two, one to train and one to "
        f"test with, directly in it and with a name ending in {', '.join(SUFFIXES)}"
        + (f"; left out are {others}" if others else "")
    )


def _is_image(item: os.DirEntry[str]) -> bool:
    return item.name.lower().endswith(SUFFIXES) and not item.name.startswith(".") and not item.is_dir()


def _stamp(item: os.DirEntry[str]) -> FileStamp:
    try:
        status = item.stat()
    except OSError as error:
        raise ValueError(f"image {item.name!r} cannot be read: {error.strerror}") from error
    require_regular(status, f"image {item.name!r}")
    return FileStamp(item.name, status.st_size, status.st_mtime_ns)


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower() or "without an ending"
