"""Solutions, gradients and inputs that a user wants to keep, one file per record."""

import io
from pathlib import Path

import numpy as np

from ..errors import unwritable
from ..records.durable import replace_durably
from .workbench import MeasuredRecord


def keep_arrays(folder: Path, measured: MeasuredRecord) -> None:
    """Write a record's arrays, if it has any, whole or not at all; raise `UserError` if there is no room."""
    if not measured.arrays:
        return
    path = folder / f"{measured.record.id}.npz"
    content = io.BytesIO()
    np.savez_compressed(content, **dict(measured.arrays))  # pyright: ignore[reportArgumentType]
    try:
        path.parent.mkdir(exist_ok=True)
        replace_durably(path, content.getvalue())
    except OSError as error:
        raise unwritable(path, error) from error
