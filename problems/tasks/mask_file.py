"""Masks in files: which pixels are known, or which frequencies are measured."""

import os
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float64

from ..files.matrix_file import Choice, read_matrix
from .file_field import absolute_path, label_of, require_stack_axis

Marks = Literal["known", "missing"]


# Not a `configuration`, whose `repr` would show the whole path.
@dataclass(frozen=True, repr=False)
class MaskFile:
    """Read a mask from a file: zero, and one other value, which marks what is known, or what is missing.

    The files are those of `KernelFile`. `repr` shows the file's name only.
    Caveat: nothing in a file tells what its marks mean. Here and in k-space masks they are what is measured;
    in OpenCV's `inpaint` and in scikit-image's they are what is missing, which `marks="missing"` says.

    Args:
        path: the file.
        marks: whether the entries that are not zero are "known" or "missing".
        index: which of its masks, from 0.
        variable: its name, in a file with several that has none called "mask" or "masks".
        stack_axis: 0 or 2, along which the masks of a 3-D array lie; None where two equal sides tell it.

    Raises:
        TypeError: if `path` is not a path.
        ValueError: if the file cannot be read, or holds no mask: another shape, more than two values, or
            nothing known.
        ImportError: for a file of MATLAB 7.3 or HDF5 without h5py.
    """

    path: str | os.PathLike[str]
    marks: Marks = "known"
    index: int = 0
    variable: str | None = None
    stack_axis: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute_path(self.path, "a mask file"))
        require_stack_axis(self.stack_axis)
        if self.marks not in get_args(Marks):
            raise ValueError(f"marks must be 'known' or 'missing'; got {self.marks!r}")
        self.values()

    def __repr__(self) -> str:
        return label_of(self)

    def values(self) -> Float64[np.ndarray, "..."]:
        """Return one where an entry is known and zero elsewhere: (h, w), or (n,), lines of k-space."""
        what = f"mask file {os.path.basename(self.path)!r}"
        choice = Choice(self.index, self.variable, self.stack_axis, ("masks", "mask"))
        marked = _marked(read_matrix(os.fspath(self.path), choice, what), what)
        known = marked if self.marks == "known" else ~marked
        if not known.any():
            raise ValueError(f"{what}, with marks={self.marks!r}, leaves nothing that is known")
        return known.astype(np.float64)

    def fitting(self, shape: tuple[int, ...]) -> Float64[np.ndarray, "..."]:
        """Return the mask; raise `ValueError` unless its shape is this one, the sizes along axes of space."""
        values = self.values()
        # MATLAB has no arrays of one axis.
        if len(shape) == 1 and values.shape in ((1, *shape), (*shape, 1)):
            return values.reshape(shape)
        if values.shape != tuple(shape):
            raise ValueError(
                f"mask file {os.path.basename(self.path)!r} holds a mask of shape {values.shape}; the signal "
                f"has shape {tuple(shape)}"
            )
        return values


def require_mask_file(mask: Any) -> None:
    """Raise `TypeError` unless `mask` is a `MaskFile` or None."""
    if mask is not None and not isinstance(mask, MaskFile):
        raise TypeError(f"mask must be a MaskFile or None; got {type(mask).__name__}")


def _marked(array: np.ndarray, what: str) -> np.ndarray:
    if array.ndim not in (1, 2) or not array.size:
        raise ValueError(f"{what} must hold a mask (h, w) or lines (n,); got shape {array.shape}")
    others = np.unique(array[array != 0])
    # SigPy's masks are complex, with imaginary parts of zero.
    parts = others if np.iscomplex(others).any() else np.real(others)
    if len(others) > 1 or np.iscomplexobj(parts) or not (np.isfinite(parts) & (parts > 0)).all():
        raise ValueError(
            f"{what} must hold zero and one other value, positive; got {len(others)} others, such as "
            f"{', '.join(f'{value:g}' for value in others[:3])}: threshold it, or hand weights over as an "
            "array"
        )
    return array != 0
