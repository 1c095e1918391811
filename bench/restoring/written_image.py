"""A restored image as a file: PNG, TIFF or .npy."""

import io
from pathlib import Path
from typing import Literal

import numpy as np
import tifffile
from jaxtyping import Float, Shaped
from PIL import Image

from ...problems.files.whole_file import write_whole
from ..errors import UserError

SUFFIXES = (".png", ".tif", ".tiff", ".npy")
Bits = Literal["8", "16", "float"]


def bits_for(path: Path, asked: str | None, stored: str, shape: tuple[int, ...]) -> Bits:
    """Return with how many bits an image can be written: as asked, or as near as it was measured.

    PNG has grey of 8 and 16 bits and colour of 8, as Pillow writes no other.

    Args:
        path: of the file, whose ending tells the format.
        asked: "8", "16" or "float"; None to follow the measurement.
        stored: the type of the measurement's numbers.
        shape: of the image.

    Raises:
        UserError: for another ending, a folder that is not there, or bits that the format does not have.
    """
    ending = path.suffix.lower()
    if ending not in SUFFIXES:
        raise UserError(f"--out {path.name} must end in one of {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: there is no folder {str(path.parent)!r}; one that exists is accepted")
    accepted: tuple[Bits, ...] = ("8", "16", "float")
    if ending == ".png":
        accepted = ("8", "16") if len(shape) == 2 else ("8",)
    if asked is None:
        measured = "8" if stored in ("uint8", "bool") else "16" if stored == "uint16" else "float"
        return "float" if ending == ".npy" else measured if measured in accepted else accepted[-1]
    for bits in accepted:
        if bits == asked:
            return bits
    what = "grey" if len(shape) == 2 else "colour"
    raise UserError(f"--bits {asked} is not for {what} in {ending}; accepted: {', '.join(accepted)}")


def write_image(path: Path, image: Float[np.ndarray, "h w *channels"], bits: Bits) -> list[str]:
    """Write an image with white at one, in one step; return sentences about what was lost.

    Whole numbers are cut to [0, 1], multiplied by full scale and rounded; floating numbers are written as
    they are, with 32 bits in TIFF files.

    Raises:
        OSError: if the system refuses.
    """
    notes = []
    if bits != "float" and (beyond := float(np.mean((image < 0) | (image > 1)))):
        notes.append(f"{beyond:.2%} of the numbers lie beyond [0, 1] and were cut")
    write_whole(path, _encoded(path.suffix.lower(), image, bits))
    return notes


def _encoded(ending: str, image: Float[np.ndarray, "h w *channels"], bits: Bits) -> bytes:
    buffer = io.BytesIO()
    numbers = _numbers(image, bits)
    if ending == ".npy":
        np.save(buffer, numbers, allow_pickle=False)
    elif ending == ".png":
        Image.fromarray(numbers).save(buffer, format="PNG")
    else:
        # Without a description, which tifffile would read the shape from.
        narrow = numbers.astype(np.float32) if bits == "float" else numbers
        tifffile.imwrite(
            buffer, narrow, photometric="rgb" if image.ndim == 3 else "minisblack", metadata=None
        )
    return buffer.getvalue()


def _numbers(image: Float[np.ndarray, "h w *channels"], bits: Bits) -> Shaped[np.ndarray, "h w *channels"]:
    if bits == "float":
        return np.asarray(image)
    whole = np.uint8 if bits == "8" else np.uint16
    return np.round(np.clip(image, 0, 1) * np.iinfo(whole).max).astype(whole)
