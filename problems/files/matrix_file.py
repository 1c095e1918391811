"""Matrices of numbers, such as kernels and masks, in the files that people keep them in."""

import os
from typing import NamedTuple

import numpy as np
from jaxtyping import Shaped

from .hdf5_file import is_hdf5, names_of_hdf5, read_hdf5
from .image_file import decode_rgb, is_opaque
from .numpy_file import names_of_npz, read_npy, read_npz
from .regular_file import read_regular

IMAGES = (".png", ".bmp", ".tif", ".tiff")
SUFFIXES = (".mat", ".npy", ".npz", ".h5", ".hdf5", *IMAGES)


class Choice(NamedTuple):
    """Which matrix of a file.

    Attributes:
        number: its place in a cell array or a stack, from 0.
        variable: its name in a file with several; None for the only one, or the first of `names` there is.
        stack_axis: along which the matrices of a 3-D array lie, 0 or 2; None where the shape tells it.
        names: of variables that such a file usually has, the plural first.
    """

    number: int
    variable: str | None
    stack_axis: int | None
    names: tuple[str, ...]


def read_matrix(path: str, choice: Choice, what: str) -> Shaped[np.ndarray, "..."]:
    """Read a matrix, or an array of one axis, from a MATLAB, numpy, HDF5 or image file.

    Images are grey: their stored values in [0, 1].

    Args:
        path: of the file.
        choice: which of its matrices.
        what: names the file in messages, such as "kernel file 'a.mat'".

    Raises:
        ValueError: if the file cannot be read or holds no such matrix; the message says what it holds.
        ImportError: for an HDF5 file, as MATLAB's of version 7.3 are, without h5py.
    """
    ending = os.path.splitext(path)[1].lower()
    if ending not in SUFFIXES:
        raise ValueError(f"{what} must end in one of {', '.join(SUFFIXES)}")
    content = read_regular(path, what)
    if ending in IMAGES:
        arrays = [_grey(content, os.path.basename(path))]
    elif ending == ".npy":
        arrays = [read_npy(content, what)]
    else:
        arrays = _variable(ending, content, choice, what)
    return _chosen(arrays, choice, what)


def _grey(content: bytes, name: str) -> np.ndarray:
    if not is_opaque(content, name):
        raise ValueError(f"image {name!r} has transparent pixels, which have no value; store it without")
    colours = decode_rgb(content, name)
    if not (colours[..., :1] == colours).all():
        raise ValueError(f"image {name!r} is in colour; a grey one is accepted")
    return colours[..., 0]


def _variable(ending: str, content: bytes, choice: Choice, what: str) -> list[np.ndarray]:
    if ending == ".npz":
        names, read = names_of_npz(content, what), _read_npz
    elif ending != ".mat" or is_hdf5(content):
        names, read = names_of_hdf5(content, what), read_hdf5
    else:
        from .matlab_file import names_of_matlab5, read_matlab5  # SciPy takes long to import

        names, read = names_of_matlab5(content, what), read_matlab5
    return read(content, _name(names, choice, what), what)


def _name(names: tuple[str, ...], choice: Choice, what: str) -> str:
    listed = ", ".join(map(repr, names)) or "none"
    if choice.variable is not None:
        if choice.variable not in names:
            raise ValueError(f"{what} has no variable {choice.variable!r}; it has {listed}")
        return choice.variable
    usual = [name for name in choice.names if name in names]
    if len(names) != 1 and not usual:
        raise ValueError(f"{what} must have one variable, or its name must be given; it has {listed}")
    return usual[0] if usual else names[0]


def _read_npz(content: bytes, variable: str, what: str) -> list[np.ndarray]:
    return [read_npz(content, variable, what)]


def _chosen(arrays: list[np.ndarray], choice: Choice, what: str) -> Shaped[np.ndarray, "..."]:
    if len(arrays) == 1 and arrays[0].ndim == 3:
        arrays = list(np.moveaxis(arrays[0], _stack_axis(arrays[0].shape, choice, what), 0))
    if not 0 <= choice.number < len(arrays):
        raise ValueError(
            f"{what} has {len(arrays)} {choice.names[0]}, from 0; there is no index {choice.number}"
        )
    return np.asarray(arrays[choice.number])


def _stack_axis(shape: tuple[int, ...], choice: Choice, what: str) -> int:
    if choice.stack_axis is not None:
        return choice.stack_axis
    first, last = shape[1] == shape[2], shape[0] == shape[1]
    if first == last:
        raise ValueError(
            f"{what} holds an array of shape {shape}: stack_axis=0 or stack_axis=2 must say whether its "
            "matrices lie along the first axis or along the last"
        )
    return 0 if first else 2
