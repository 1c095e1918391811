"""The images of a folder, whole, and what tells one from another whatever its name."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from ...problems.files.image_file import SUFFIXES
from ...problems.ground_truths.folder_survey import left_out, list_images, read_luma, read_rgb
from ..errors import UserError


class Picture(NamedTuple):
    """An image of a folder.

    Attributes:
        name: of the file.
        truth: white at one, (h, w) or (h, w, 3).
        digest: of its numbers and shape.
    """

    name: str
    truth: Float64[np.ndarray, "height width *channels"]
    digest: str


def read_folder(folder: Path, color: bool) -> list[Picture]:
    """Read all images directly in a folder, sorted by name: luma, or R, G and B.

    Raises:
        UserError: if there is none, or one of them cannot be read; the message says why.
    """
    read = read_rgb if color else read_luma
    try:
        names = [stamp.name for stamp in list_images(str(folder))]
        others = left_out(str(folder))
        pictures = [picture_of(name, read(str(folder), name)) for name in names]
    except ValueError as error:
        raise UserError(str(error)) from error
    if not pictures:
        raise UserError(
            f"folder {folder.resolve().name!r} holds no image{f'; left out are {others}' if others else ''}; "
            f"files directly in it with names that end in {', '.join(SUFFIXES)} are accepted"
        )
    return pictures


def not_read(folder: Path) -> str | None:
    """Say what else a folder holds that is no image; None for nothing."""
    others = left_out(str(folder))
    return f"folder {folder.resolve().name!r}: left out are {others}" if others else None


def require_apart(tuned: list[Picture], judged: list[Picture]) -> None:
    """Raise `UserError` if an image is in both folders, by its numbers, whatever its name or format."""
    known = {picture.digest: picture.name for picture in tuned}
    shared = [(known[one.digest], one.name) for one in judged if one.digest in known]
    if shared:
        pairs = ", ".join(f"{ours} is {theirs}" for ours, theirs in shared[:3])
        raise UserError(
            f"{len(shared)} of the images to tune on are among those to judge by ({pairs}"
            f"{', ...' if len(shared) > 3 else ''}): weights are tuned on other images"
        )


def seed_of(picture: Picture, seed: int) -> int:
    """Return the seed of an image's measurement: of what it shows, not of its place or name."""
    return int(np.random.SeedSequence([seed, int(picture.digest[:16], 16)]).generate_state(1)[0])


def picture_of(name: str, truth: Float64[np.ndarray, "height width *channels"]) -> Picture:
    """Return an image, white at one, under a name."""
    shape = "x".join(map(str, truth.shape)).encode()
    digest = hashlib.sha256(shape + np.ascontiguousarray(truth, "<f8").tobytes()).hexdigest()
    return Picture(name, truth, digest)
