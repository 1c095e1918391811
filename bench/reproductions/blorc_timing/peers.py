"""cvxpy and diffcp on BLORC's problem, as their users call them; both come with an optional extra."""

import contextlib
import importlib.metadata
import importlib.util
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from jaxtyping import Float64

from ..cvxpy_denoising import THRESHOLD, DenoisingInCvxpy
from .problem import Signal, gradient_by_theorem

CVXPY = "cvxpy + SVD closed form"
DIFFCP = "diffcp"
# None is the library's own default; each next one is tried only if the one before is too far off.
TOLERANCES: tuple[float | None, ...] = (None, 1e-8, 1e-10, 1e-12)
MOST_ITERATIONS = 100_000
INSTALL = "not installed: pip install 'hypergrad-bench[peers]' brings it"


class Peer(Protocol):
    """A contestant that is no JAX program: what it returns is ready."""

    def solve(self) -> Float64[np.ndarray, " n"]:
        """Solve the lower level anew, from a cold start, and return x."""
        ...

    def gradient(self) -> Float64[np.ndarray, "n n"]:
        """Solve anew and return the gradient by W."""
        ...


class CvxpyWithSvd:
    """Solve with cvxpy's default solver, then apply the theorem in numpy: the authors' way.

    W and y are parameters of a problem that cvxpy has analysed once, and every solve starts cold: in training
    both change from call to call.
    """

    def __init__(self, signal: Signal, tolerance: float | None) -> None:
        """State the problem; without a tolerance cvxpy's defaults hold."""
        self._signal, self._stated = signal, DenoisingInCvxpy(*signal.W.shape)
        self._options: dict[str, Any] = {}
        if tolerance is not None:
            self._options = {"eps_abs": tolerance, "eps_rel": tolerance, "max_iter": MOST_ITERATIONS}

    def solve(self) -> Float64[np.ndarray, " n"]:
        """Return x."""
        return self._stated.solve(np.asarray(self._signal.W), np.asarray(self._signal.y), **self._options)

    def gradient(self) -> Float64[np.ndarray, "n n"]:
        """Split the rows of W by their responses, with the authors' threshold, and apply the theorem."""
        x = self.solve()
        active = np.abs(np.asarray(self._signal.W) @ x) <= THRESHOLD
        return gradient_by_theorem(self._signal, x, active)


class Diffcp:
    """Solve the cone program with diffcp (SCS) and let it differentiate its optimality conditions.

    Source: Agrawal et al., 2019.
    """

    def __init__(self, signal: Signal, tolerance: float | None) -> None:
        """State the problem; without a tolerance diffcp's defaults hold."""
        self._signal, self._stated = signal, DenoisingInCvxpy(*signal.W.shape)
        self._options: dict[str, Any] = {"requires_grad": True}
        if tolerance is not None:
            self._options |= {"eps": tolerance, "max_iters": MOST_ITERATIONS}

    def solve(self) -> Float64[np.ndarray, " n"]:
        """Return x, ready for differentiation."""
        return self._stated.solve(np.asarray(self._signal.W), np.asarray(self._signal.y), **self._options)

    def gradient(self) -> Float64[np.ndarray, "n n"]:
        """Hand the loss's gradient by x to the cone program and read that of W."""
        x = self.solve()
        truth = np.asarray(self._signal.truth)
        return self._stated.backward(2 * (x - truth) / x.size)


PEERS: dict[str, tuple[str, Callable[[Signal, float | None], Peer]]] = {
    CVXPY: ("cvxpy", CvxpyWithSvd),
    DIFFCP: ("diffcp", Diffcp),
}
"""By name: the module that must be there (beside cvxpy), and what states the problem with a tolerance."""


def installed(module: str) -> bool:
    """Tell whether cvxpy and the module can be imported; nothing is imported."""
    return all(importlib.util.find_spec(name) is not None for name in ("cvxpy", module))


def peer_versions() -> dict[str, str]:
    """Return the versions of what is installed of the peers and of the solvers behind them."""
    found = {}
    for name in ("cvxpy", "diffcp", "osqp", "scs"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found
