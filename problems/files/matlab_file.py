"""Matrices in MATLAB's files up to version 7; those of 7.3 are HDF5."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse
from jaxtyping import Shaped


def names_of_matlab5(content: bytes, what: str) -> tuple[str, ...]:
    """Return the names of the variables of a file; raise `ValueError` if it cannot be read."""
    return tuple(name for name, *_ in _of_scipy(scipy.io.whosmat, content, what))


def read_matlab5(content: bytes, variable: str, what: str) -> list[Shaped[np.ndarray, "..."]]:
    """Return the matrix of a variable, or those of its cell array; a sparse one is filled up.

    Raises:
        ValueError: if the file cannot be read, or the variable holds other things than matrices.
    """
    found = _of_scipy(lambda file: scipy.io.loadmat(file, variable_names=[variable]), content, what)[variable]
    if scipy.sparse.issparse(found):
        return [found.toarray()]
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "biufcO":
        raise ValueError(f"variable {variable!r} of {what} is no matrix of numbers; save it as one")
    if found.dtype != object:
        return [found]
    cells = [np.asarray(cell) for cell in found.ravel()]
    if any(cell.dtype.kind not in "biufc" for cell in cells):
        raise ValueError(f"variable {variable!r} of {what} is a cell array of other things than matrices")
    return cells


def _of_scipy(read: Callable[[io.BytesIO], Any], content: bytes, what: str) -> Any:
    try:
        return read(io.BytesIO(content))
    # scipy reports damage by errors of many types.
    except Exception as error:
        raise ValueError(f"{what} cannot be read: {type(error).__name__}") from error
