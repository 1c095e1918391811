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


def bits_for(path: Path, stored: str, asked: str | None) -> Bits:
    """Return with how many bits an image is written: as asked, or as the measurement was stored.

    Args:
        path: of the file, whose ending tells the format.
        stored: the type of the measurement's numbers.
        asked: "8", "16" or "float"; None to follow the measurement.

    Raises:
        UserError: for another ending, other bits, or bits that the format does not have.
    """
    ending = path.suffix.lower()
    if ending not in SUFFIXES:
        raise UserError(f"--out {path.name} must end in one of {', '.join(SUFFIXES)}")
    usual: Bits = "8" if stored in ("uint8", "bool") else "16" if stored == "uint16" else "float"
    if ending == ".npy":
        usual = "float"
    elif ending == ".png" and usual == "float":
        usual = "16"
    match usual if asked is None else asked:
        case "8" | "16" | "float" as bits if not (bits == "float" and ending == ".png"):
            return bits
    raise UserError(f"--bits {asked} is not for {ending}; 8, 16 and, but for .png, float are accepted")


def write_image(path: Path, image: Float[np.ndarray, "h w *channels"], bits: Bits) -> list[str]:
    """Write an image with white at one, in one step; return sentences about what was lost.

    Whole numbers are cut to [0, 1], multiplied by full scale and rounded; floating numbers are written as
    they are, with 32 bits in TIFF files. PNG has colour of 8 bits alone here, as Pillow writes no other.

    Raises:
        UserError: if there is no such folder, or colour of 16 bits is to go into a PNG file.
        OSError: if the system refuses.
    """
    if not path.parent.is_dir():
        raise UserError(f"--out {path}: there is no folder {str(path.parent)!r}")
    notes = []
    if bits != "float" and (beyond := float(np.mean((image < 0) | (image > 1)))):
        notes.append(f"{beyond:.2%} of the numbers lie beyond [0, 1] and were cut")
    if path.suffix.lower() == ".png" and bits == "16" and image.ndim == 3:
        raise UserError(f"--out {path.name}: PNG is written in colour with --bits 8; .tif has 16 too")
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
