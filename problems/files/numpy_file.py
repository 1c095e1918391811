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
        ValueError: if it is no such file, is damaged, or holds Python objects or more than its header says.
    """
    stream = io.BytesIO(content)
    try:
        array = np.lib.format.read_array(stream, allow_pickle=False)
    # numpy reports damage by errors of many types; a header can ask for more memory than there is.
    except Exception as error:
        if "Object arrays" in str(error):
            raise ValueError(f"{what} {OBJECTS}") from error
        raise ValueError(f"{what} cannot be read as an .npy file: {error}") from error
    if left := len(content) - stream.tell():
        raise ValueError(
            f"{what} holds {left} bytes behind the array of shape {array.shape} and type {array.dtype} that "
            "its header announces; a file of one array is accepted"
        )
    return array


def names_of_npz(content: bytes, what: str) -> tuple[str, ...]:
    """Return the names of the arrays of an .npz file; raise `ValueError` where it is none."""
    return tuple(name.removesuffix(".npy") for name in _archive(content, what).namelist())


def read_npz(content: bytes, variable: str, what: str) -> Shaped[np.ndarray, "..."]:
    """Read one array of an .npz file, as `read_npy` does."""
    archive = _archive(content, what)
    stored = next(name for name in archive.namelist() if name.removesuffix(".npy") == variable)
    try:
        packed = archive.read(stored)
    # zipfile and what decompresses report damage by errors of many types.
    except Exception as error:
        raise ValueError(f"{what} cannot be read: {error}") from error
    return read_npy(packed, f"{what}, {variable!r},")


def _archive(content: bytes, what: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:
        raise ValueError(f"{what} cannot be read as an .npz file: {error}") from error
