"""Arrays in HDF5 files, MATLAB's of version 7.3 among them."""

import importlib
import io
from typing import Any

import numpy as np
from jaxtyping import Shaped

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MATLAB_OFFSET = 512
"""Bytes of MATLAB's own header, before the one of HDF5."""
_DAMAGE = (OSError, RuntimeError, KeyError, TypeError, ValueError, MemoryError)
"""What damage to a file shows as: HDF5 reports it by errors of many types."""


def is_hdf5(content: bytes) -> bool:
    """Tell whether the bytes are those of an HDF5 file, with or without MATLAB's header."""
    return SIGNATURE in (content[:8], content[MATLAB_OFFSET : MATLAB_OFFSET + 8])


def names_of_hdf5(content: bytes, what: str) -> tuple[str, ...]:
    """Return the names of the variables of an HDF5 file, sorted; see `read_hdf5` for errors."""
    with _opened(content, what) as file:
        try:
            return tuple(sorted(name for name in file if not name.startswith("#")))
        except _DAMAGE as error:
            raise ValueError(f"{what} cannot be read: {error}") from error


def read_hdf5(content: bytes, variable: str, what: str) -> list[Shaped[np.ndarray, "..."]]:
    """Read the arrays of one variable of an HDF5 file: one for a matrix or a stack, several for a cell array.

    MATLAB stores the first axis fastest, so that its axes come in reverse order, and are turned here; arrays
    that others wrote keep their order. Nothing outside the file is followed.
    Source: The MathWorks, "MAT-file versions" (7.3 is HDF5); Collette, h5py's documentation (references).

    Args:
        content: the whole file.
        variable: a name of `names_of_hdf5`.
        what: names the file in messages.

    Raises:
        ImportError: without h5py, saying how to install it and how to convert the file.
        ValueError: if the file is damaged, or the variable is no array of numbers.
    """
    with _opened(content, what) as file:
        try:
            _require_inside(file, variable, what)
            return _arrays(file, file[variable], f"variable {variable!r} of {what}")
        except _DAMAGE as error:
            if what in str(error):
                raise
            raise ValueError(f"{what} cannot be read: {error}") from error


def _opened(content: bytes, what: str) -> Any:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise ImportError(
            f"{what} is HDF5, as MATLAB's files of version 7.3 are: pip install 'hypergrad-bench[hdf5]', or "
            "convert it where MATLAB is: save(name, 'kernels', '-v7')"
        ) from error
    try:
        return h5py.File(io.BytesIO(content), "r")
    except _DAMAGE as error:
        raise ValueError(f"{what} cannot be read: {error}") from error


def _require_inside(file: Any, variable: str, what: str) -> None:
    link = file.get(variable, getlink=True)
    if type(link).__name__ != "HardLink":
        raise ValueError(f"variable {variable!r} of {what} is a link to elsewhere, which is not followed")


def _arrays(file: Any, item: Any, what: str) -> list[Shaped[np.ndarray, "..."]]:
    kind = _matlab_class(item)
    if kind == "cell" and hasattr(item, "dtype"):
        references = np.transpose(item[()]).ravel()
        cells = [_arrays(file, file[one], f"{what}, entry {index},") for index, one in enumerate(references)]
        return [_only(arrays, what) for arrays in cells]
    if not hasattr(item, "dtype") or item.attrs.get("MATLAB_empty", 0):
        raise ValueError(f"{what} is no matrix of numbers, but {kind or 'a group'}; save it as a full matrix")
    if item.external or item.is_virtual:
        raise ValueError(f"{what} lies in another file, which is not followed")
    array = _numbers(np.asarray(item[()]), what)
    return [array if kind is None else np.transpose(array)]


def _only(arrays: list[np.ndarray], what: str) -> np.ndarray:
    if len(arrays) != 1:
        raise ValueError(f"{what} is a cell array of cell arrays; one of matrices is accepted")
    return arrays[0]


def _matlab_class(item: Any) -> str | None:
    """Return MATLAB's name of the type, None where another program wrote the array."""
    if "MATLAB_sparse" in item.attrs:
        return "a sparse matrix"
    kind = item.attrs.get("MATLAB_class")
    return kind.decode() if isinstance(kind, bytes) else kind


def _numbers(array: np.ndarray, what: str) -> np.ndarray:
    if array.dtype.names == ("real", "imag"):
        return array["real"] + 1j * array["imag"]
    if array.dtype.kind not in "biufc":
        raise ValueError(f"{what} holds no numbers, but {array.dtype}")
    return array
