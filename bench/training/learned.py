"""The regulariser that a training learned, in its folder."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from ...problems.files.saved_regularizer import save_regularizer
from ...problems.regularizer import Regularizer
from ..errors import UserError, unwritable


def save_learned(folder: Path, regularizer: Regularizer, about: Mapping[str, str]) -> None:
    """Write a regulariser into a folder, from which `problems.load_regularizer` reads it.

    Args:
        folder: of the training.
        regularizer: what was learned.
        about: how, in words.

    Raises:
        UserError: if the folder cannot be written, or the regulariser would not come back from it.
    """
    try:
        save_regularizer(folder, regularizer, about)
    except OSError as error:
        raise unwritable(folder, error) from error
    except (TypeError, ValueError) as error:
        raise UserError(f"the regulariser cannot be saved: {error}") from error


def require_savable(regularizer: Regularizer) -> None:
    """Raise `UserError` if a regulariser could not be saved once it is learned: before hours are spent."""
    with tempfile.TemporaryDirectory() as folder:
        save_learned(Path(folder), regularizer, {})
