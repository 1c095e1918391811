"""Measured blur kernels in files."""

import os
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from ..files.matrix_file import Choice, read_matrix
from .file_field import absolute_path, label_of, require_stack_axis


# Not a `configuration`, whose `repr` would show the whole path.
@dataclass(frozen=True, repr=False)
class KernelFile:
    """Read a blur kernel from a file: a matrix, or one out of a stack or a MATLAB cell array.

    MATLAB files of version 5 to 7 and, with the extra hdf5, of version 7.3, such as the copies of Levin's
    eight kernels; .npy, .npz and HDF5; PNG, BMP and TIFF, of which the stored grey values count. `repr` shows
    the file's name only, so that records carry no local path. For signals (n,) the kernel is summed over its
    second axis.
    Caveat: the kernel is convolved with; turn it by half a turn if its source correlates.
    Source: Levin, Weiss, Durand and Freeman, 2009.

    Args:
        path: the file.
        index: which of its kernels, from 0.
        variable: its name, in a file with several that has none called "kernels" or "kernel".
        stack_axis: 0 or 2, along which the kernels of a 3-D array lie; None where two equal sides tell it.

    Raises:
        TypeError: if `path` is not a path.
        ValueError: if the file cannot be read, or has no such kernel of finite numbers with a positive sum.
        ImportError: for a file of MATLAB 7.3 without h5py.
    """

    path: str | os.PathLike[str]
    index: int = 0
    variable: str | None = None
    stack_axis: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", absolute_path(self.path, "a kernel file"))
        require_stack_axis(self.stack_axis)
        self._kernel()

    def __repr__(self) -> str:
        return label_of(self)

    def taps(self, shape: tuple[int, ...]) -> Float64[np.ndarray, "..."]:
        """Return the kernel, normalised to sum one."""
        kernel = self._kernel()
        kernel = kernel if len(shape) == 2 else kernel.sum(axis=1)
        return kernel / kernel.sum()

    def _kernel(self) -> Float64[np.ndarray, "_ _"]:
        path, what = os.fspath(self.path), f"kernel file {os.path.basename(self.path)!r}"
        choice = Choice(self.index, self.variable, self.stack_axis, ("kernels", "kernel"))
        kernel = read_matrix(path, choice, what)
        real = kernel.ndim == 2 and kernel.dtype.kind != "c"
        if not (real and np.isfinite(kernel).all() and kernel.sum() > 0):
            raise ValueError(
                f"kernel {self.index} of {what} must be a finite matrix of real numbers with a positive sum; "
                f"got {kernel.dtype} of shape {kernel.shape}"
            )
        return kernel.astype(np.float64)
