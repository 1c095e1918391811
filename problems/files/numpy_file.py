"""Arrays in numpy's files: what is read is never executed."""

import io
import zipfile

import numpy as np
from jaxtyping import Shaped

OBJECTS = (
    "holds Python objects, which reading would execute; where you trust it, np.save its arrays as numbers, "
    "one per file or as one stack"
)


def read_npy(content: bytes, what: str) -> Shaped[np.ndarray, "..."]:
    """Read the one array of an .npy file; `what` names it in messages.

    Raises:
        ValueError: if it is no such file, is damaged, or holds Python objects.
    """
    try:
        return np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    # A header can ask for more memory than there is.
    except (ValueError, EOFError, MemoryError, SyntaxError, TypeError, OverflowError) as error:
        if "Object arrays" in str(error):
            raise ValueError(f"{what} {OBJECTS}") from error
        raise ValueError(f"{what} cannot be read as an .npy file: {error}") from error


def names_of_npz(content: bytes, what: str) -> tuple[str, ...]:
    """Return the names of the arrays of an .npz file; raise `ValueError` where it is none."""
    return tuple(name.removesuffix(".npy") for name in _archive(content, what).namelist())


def read_npz(content: bytes, variable: str, what: str) -> Shaped[np.ndarray, "..."]:
    """Read one array of an .npz file, as `read_npy` does."""
    archive = _archive(content, what)
    stored = next(name for name in archive.namelist() if name.removesuffix(".npy") == variable)
    try:
        return read_npy(archive.read(stored), f"{what}, {variable!r},")
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError) as error:
        raise ValueError(f"{what} cannot be read: {error}") from error


def _archive(content: bytes, what: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except zipfile.BadZipFile as error:
        raise ValueError(f"{what} cannot be read as an .npz file: {error}") from error
