"""Measured blur kernels in a MATLAB file."""

import os
from dataclasses import dataclass

import numpy as np
import scipy.io
from jaxtyping import Float64


# Not a `configuration`, whose `repr` would show the whole path.
@dataclass(frozen=True, repr=False)
class KernelFile:
    """Read a blur kernel from a MATLAB 5 file with a cell array of them, such as Levin's twelve of 25 x 25.

    `repr` shows the file's name only, so that records carry no local path. For signals (n,) the kernel is
    summed over its second axis. Source: Levin, Weiss, Durand and Freeman, 2009.

    Args:
        path: the file.
        index: which of its kernels, from 0.
        variable: name of the cell array.

    Raises:
        TypeError: if `path` is not a path.
        ValueError: if the file cannot be read, or has no such kernel of finite numbers with a positive sum.
    """

    path: str | os.PathLike[str]
    index: int = 0
    variable: str = "kernels"

    def __post_init__(self) -> None:
        if not isinstance(self.path, str | os.PathLike):
            raise TypeError(f"path must be the path of a MATLAB file; got {type(self.path).__name__}")
        object.__setattr__(self, "path", os.path.abspath(os.path.expanduser(self.path)))
        self._kernel()

    def __repr__(self) -> str:
        name = os.path.basename(self.path)
        index = f", index={self.index}" if self.index else ""
        return f"KernelFile({name!r}{index})"

    def taps(self, shape: tuple[int, ...]) -> Float64[np.ndarray, "..."]:
        """Return the kernel, normalised to sum one."""
        kernel = self._kernel()
        kernel = kernel if len(shape) == 2 else kernel.sum(axis=1)
        return kernel / kernel.sum()

    def _kernel(self) -> Float64[np.ndarray, "_ _"]:
        name = os.path.basename(self.path)
        try:
            cells = scipy.io.loadmat(self.path, variable_names=[self.variable]).get(self.variable)
        # scipy reports damage by errors of many types.
        except Exception as error:
            raise ValueError(f"kernel file {name!r} cannot be read: {type(error).__name__}") from error
        if cells is None or cells.dtype != object:
            raise ValueError(f"kernel file {name!r} has no cell array {self.variable!r}")
        if not 0 <= self.index < cells.size:
            raise ValueError(
                f"kernel file {name!r} has {cells.size} kernels, from 0; there is no index {self.index}"
            )
        return _checked(np.asarray(cells.ravel()[self.index], np.float64), f"{name!r}, index {self.index}")


def _checked(kernel: np.ndarray, name: str) -> Float64[np.ndarray, "_ _"]:
    if kernel.ndim != 2 or not np.isfinite(kernel).all() or not kernel.sum() > 0:
        raise ValueError(f"kernel {name} must be a finite matrix with a positive sum; got {kernel.shape}")
    return kernel
