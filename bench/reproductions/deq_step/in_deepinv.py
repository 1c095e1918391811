"""The deep equilibrium model in deepinv: gradient descent on a field of experts."""

import importlib
import importlib.util
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, Float

NEEDED = ("torch", "deepinv")


class DeqArrays(NamedTuple):
    """What both libraries are given, in float32.

    Attributes:
        filters: shape (k, s, s), with a circular boundary.
        weights: one per filter.
        y: noisy images.
        truth: what they are images of.
        scale: of the pseudo-Huber potential.
        step: step size of gradient descent.
    """

    filters: Float[Array, "k s s"]
    weights: Float[Array, " k"]
    y: Float[Array, "n h w"]
    truth: Float[Array, "n h w"]
    scale: float
    step: float


class DeepinvStep(NamedTuple):
    """The solve, and the gradient by filters and weights, each ready when it returns."""

    forward: Callable[[], None]
    gradient: Callable[[], Float[np.ndarray, " parameters"]]


def missing() -> str | None:
    """Return None if PyTorch and deepinv are installed, else a sentence."""
    absent = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    return f"{' and '.join(absent)} not installed; the extra 'torch-peers' brings it" if absent else None


def deepinv_version() -> str:
    """Return the version of deepinv."""
    return str(importlib.import_module("deepinv").__version__)


def deepinv_step(arrays: DeqArrays, steps: int, jacobian_free: bool, threads: int) -> DeepinvStep:
    """Build the model, with so many iterations forward, and backward where it iterates there.

    The prior's gradient is written out, which is faster than deepinv's default of differentiating its value.
    Everything else is deepinv's default, its early stop of the backward iteration among it.
    """
    torch, deepinv = (importlib.import_module(name) for name in NEEDED)
    filters, weights = (
        torch.tensor(np.asarray(array), requires_grad=True) for array in (arrays.filters, arrays.weights)
    )
    y, truth = (torch.tensor(np.asarray(array))[:, None] for array in (arrays.y, arrays.truth))
    model = deepinv.optim.GD(
        data_fidelity=deepinv.optim.L2(),
        prior=_prior(torch, deepinv, (filters, weights), arrays.scale),
        stepsize=arrays.step,
        lambda_reg=1.0,
        trainable_params=[],
        max_iter=steps,
        early_stop=False,
        custom_init=lambda y, *_: {"est": (y,)},
        DEQ=deepinv.optim.DEQConfig(jacobian_free=jacobian_free, max_iter_backward=steps),
    )
    physics = deepinv.physics.LinearPhysics(A=lambda x, **_: x, A_adjoint=lambda r, **_: r)

    def forward() -> None:
        torch.set_num_threads(threads)
        model(y, physics)

    def gradient() -> Float[np.ndarray, " parameters"]:
        torch.set_num_threads(threads)
        loss = torch.mean((model(y, physics) - truth) ** 2)
        found = torch.autograd.grad(loss, [filters, weights])
        return np.concatenate([one.numpy().ravel() for one in found])

    return DeepinvStep(forward, gradient)


def _prior(torch: ModuleType, deepinv: ModuleType, parameters: tuple[Any, Any], scale: float) -> Any:
    """Return sum_k weights_k sum potential(W_k x) as a prior of deepinv, with its gradient."""
    filters, weights = parameters
    size, functional = filters.shape[-1], torch.nn.functional
    low, high = (size - 1) // 2, size // 2

    def responses(x: Any) -> Any:
        padded = functional.pad(x, (low, high, low, high), mode="circular")
        return functional.conv2d(padded, filters[:, None]) / scale

    class Experts(deepinv.optim.Prior):
        def __init__(self) -> None:
            super().__init__()
            self.explicit_prior = True

        def fn(self, x: Any, *_: Any, **__: Any) -> Any:
            values = torch.sqrt(1 + responses(x) ** 2) - 1
            return scale**2 * (weights[:, None, None] * values).sum((1, 2, 3))

        def grad(self, x: Any, *_: Any, **__: Any) -> Any:
            t = responses(x)
            slopes = scale * weights[:, None, None] * t / torch.sqrt(1 + t**2)
            padded = functional.pad(slopes, (high, low, high, low), mode="circular")
            return functional.conv_transpose2d(padded, filters[:, None], padding=size - 1)

    return Experts()
