"""The child process of the PyTorch contenders: a script of its own that never imports JAX or this package.

A request holds a lower level's arrays and settings and gets its solution, and with `keep` a token under which
the graph waits; one with that token and a cotangent gets the cotangent of every array.
"""

import collections
import os
import sys
from typing import Any

import numpy as np
import torch
import torch.nn.functional
from child_protocol import Arrays, serve
from jaxtyping import Float

MOST_KEPT = 4096
Leaves = dict[str, torch.Tensor]


class TorchLowerLevel:
    """The smooth lower level in PyTorch, from the arrays and the settings of a request."""

    def __init__(self, request: Arrays) -> None:
        """Make a leaf of every array whose name begins with a dot."""
        self.leaves: Leaves = {
            name: torch.tensor(array, requires_grad=True)
            for name, array in request.items()
            if name.startswith(".")
        }
        self.operator, self.boundary = str(request["operator"]), str(request["boundary"])
        self.potential, self.scale = str(request["potential"]), float(request["scale"])
        self.step = torch.tensor(request["step"])

    def A(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the operator to an image of shape (1, 1, h, w)."""
        if self.operator == "Identity":
            return x
        if self.operator == "Mask":
            return self.leaves[".A.mask"] * x
        return self._filtered(x, adjoint=False)

    def adjoint(self, r: torch.Tensor) -> torch.Tensor:
        """Apply its adjoint."""
        return self._filtered(r, adjoint=True) if self.operator == "Blur" else self.A(r)

    def _filtered(self, x: torch.Tensor, adjoint: bool) -> torch.Tensor:
        kernel = self.leaves[".A.kernel"]
        room = torch.nn.functional.pad(
            kernel, (0, x.shape[-1] - kernel.shape[1], 0, x.shape[-2] - kernel.shape[0])
        )
        centred = torch.roll(room, (-(kernel.shape[0] // 2), -(kernel.shape[1] // 2)), (0, 1))
        spectrum = torch.fft.rfft2(centred)
        spectrum = torch.conj(spectrum) if adjoint else spectrum
        return torch.fft.irfft2(spectrum * torch.fft.rfft2(x), s=x.shape[-2:])

    def regularizer(self, x: torch.Tensor) -> torch.Tensor:
        """Evaluate the fields of experts."""
        filters, weights = self.leaves[".regularizer.filters"], self.leaves[".regularizer.weights"]
        low, high = (filters.shape[-1] - 1) // 2, filters.shape[-1] // 2
        modes = {"circular": "circular", "zero": "constant", "reflect": "reflect", "replicate": "replicate"}
        mode = modes[self.boundary]
        padded = torch.nn.functional.pad(x, (low, high, low, high), mode=mode)
        t = torch.nn.functional.conv2d(padded, filters[:, None]) / self.scale
        if self.potential == "PseudoHuber":
            values = t**2 / (torch.sqrt(1 + t**2) + 1)
        elif self.potential == "LogCosh":
            values = torch.logaddexp(t, -t) - np.log(2.0)
        else:
            values = torch.log1p(t**2)
        return self.scale**2 * (weights[:, None, None] * values).sum()

    def regularizer_gradient(self, x: torch.Tensor) -> torch.Tensor:
        """Differentiate it, on the tape where one is kept."""
        with torch.enable_grad():
            x = x if x.requires_grad else x.detach().requires_grad_()
            return torch.autograd.grad(self.regularizer(x), x, create_graph=True)[0]

    @property
    def y(self) -> torch.Tensor:
        """The measurement as a batch of one image."""
        return self.leaves[".y"][None, None]


def by_torchdeq(lower: TorchLowerLevel, request: Arrays) -> tuple[torch.Tensor, int]:
    """Let torchdeq find the fixed point of gradient descent, and differentiate it."""
    import torchdeq

    start = lower.adjoint(lower.y).detach()
    # torchdeq measures the move of an iteration, which is the step size times the gradient.
    absolute = float(request["tolerance"]) * float(lower.step) * float(start.norm())
    deq = torchdeq.get_deq(
        f_solver="fixed_point_iter",
        ift=True,
        b_solver="fixed_point_iter",
        f_max_iter=int(request["max_steps"]),
        b_max_iter=int(request["max_steps"]),
        f_tol=absolute,
        b_tol=float(request["adjoint_tolerance"]),
        f_stop_mode="abs",
        b_stop_mode="rel",
    )

    def step(x: torch.Tensor) -> torch.Tensor:
        data = lower.adjoint(lower.A(x) - lower.y)
        return x - lower.step * (data + lower.regularizer_gradient(x))

    found, account = deq(step, start)
    return found[-1], int(account["nstep"].max())


def by_deepinv(lower: TorchLowerLevel, request: Arrays) -> tuple[torch.Tensor, int]:
    """Let deepinv run gradient descent as a deep equilibrium model with an explicit prior."""
    import deepinv

    class Prior(deepinv.optim.Prior):
        def __init__(self) -> None:
            super().__init__()
            self.explicit_prior, self.calls = True, 0

        def fn(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            return lower.regularizer(x)[None]

        def grad(self, x: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
            self.calls += 1
            return lower.regularizer_gradient(x)

    physics = deepinv.physics.LinearPhysics(
        A=lambda x, **_: lower.A(x), A_adjoint=lambda r, **_: lower.adjoint(r)
    )
    start = lower.adjoint(lower.y).detach()
    prior = Prior()
    model = deepinv.optim.GD(
        data_fidelity=deepinv.optim.L2(),
        prior=prior,
        stepsize=float(lower.step),
        lambda_reg=1.0,
        trainable_params=[],
        max_iter=int(request["max_steps"]),
        early_stop=True,
        # Relative to the iterate, whose norm is near that of A^T y.
        thres_conv=float(request["tolerance"]) * float(lower.step),
        custom_init=lambda *_: {"est": (start,)},
        DEQ=deepinv.optim.DEQConfig(max_iter_backward=int(request["max_steps"])),
    )
    found = model(lower.y, physics)
    # At the fixed point it takes two more steps, for the derivative.
    return found, prior.calls - 2


LIBRARIES = {"torchdeq": by_torchdeq, "deepinv": by_deepinv}


class TorchServer:
    """Solves and keeps what is needed to differentiate."""

    def __init__(self, library: str) -> None:
        """Say which library answers."""
        self._solve, self._token = LIBRARIES[library], 0
        self._kept: collections.OrderedDict[int, tuple[torch.Tensor, TorchLowerLevel]] = (
            collections.OrderedDict()
        )

    def answer(self, request: Arrays) -> Arrays:
        """Solve, or differentiate a solution that was kept."""
        if "cotangent" in request:
            return differentiate(*self._kept.pop(int(request["token"])), request["cotangent"])
        lower = TorchLowerLevel(request)
        x, steps = self._solve(lower, request)
        self._token += 1
        if request["keep"]:
            self._kept[self._token] = x, lower
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        return {"x": x.detach().numpy()[0, 0], "steps": np.int32(steps), "token": np.int32(self._token)}


def differentiate(x: torch.Tensor, lower: TorchLowerLevel, cotangent: Float[np.ndarray, "*shape"]) -> Arrays:
    """Return the cotangent of every leaf."""
    found = torch.autograd.grad(
        x, list(lower.leaves.values()), torch.tensor(cotangent)[None, None], allow_unused=True
    )
    return {
        name: np.zeros(leaf.shape, leaf.detach().numpy().dtype) if one is None else one.numpy()
        for (name, leaf), one in zip(lower.leaves.items(), found, strict=True)
    }


if __name__ == "__main__":
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    serve(TorchServer(sys.argv[1]).answer)
