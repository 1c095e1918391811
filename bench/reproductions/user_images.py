"""A user's folder of images in the place of the package's photographs."""

from pathlib import Path

from ...problems import ImageFolder
from ..errors import UserError


def images_in_words(folder: Path | None) -> str:
    """Say what images are used, without a local path."""
    return "photographs" if folder is None else f"images of {folder.resolve().name!r}"


def image_folder(folder: Path) -> ImageFolder:
    """Return the ground truth that cuts crops out of a folder's images.

    Raises:
        UserError: if it cannot be read, or holds no image.
    """
    try:
        return ImageFolder(folder)
    except ValueError as error:
        raise UserError(str(error)) from error


def require_crops(truths: ImageFolder, shape: tuple[int, ...]) -> None:
    """Refuse images that no crop of a shape, (h, w) or (h, w, 3), can be cut out of.

    Raises:
        UserError: if an image is damaged, smaller or of another kind, with why.
    """
    if reason := truths.supports(shape):
        raise UserError(reason)
