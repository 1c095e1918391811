"""The filter bank in PyTorch: what `FilterBankSpeed` compares with."""

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Array, Float

STEP = 0.01
MISSING = "torch is not installed: pip install 'hypergrad-bench[torch]'"


def torch_or_none() -> ModuleType | None:
    """Import torch where it is installed."""
    return importlib.import_module("torch") if importlib.util.find_spec("torch") else None


def torch_entries(
    torch: ModuleType,
    arrays: tuple[Float[Array, "k s s"], Float[Array, "n h w"], Float[Array, "n k h w"]],
    steps: int,
    threads: int,
) -> Mapping[str, Callable[[], None]]:
    """Return the forward, the adjoint and `steps` steps of a smooth energy's descent, on the CPU.

    A circular boundary is torch's own padding, before `conv2d` and before a `conv_transpose2d` that drops
    what lies outside. Every entry sets its number of threads, and returns after its work is done.
    """
    filters, x, r = (torch.from_numpy(np.array(array)) for array in arrays)
    kernel, x = filters[:, None], x[:, None]
    size = kernel.shape[-1]
    low, high = (size - 1) // 2, size // 2
    functional = torch.nn.functional

    def forward(x: Any) -> Any:
        return functional.conv2d(functional.pad(x, (low, high, low, high), mode="circular"), kernel)

    def adjoint(r: Any) -> Any:
        padded = functional.pad(r, (high, low, high, low), mode="circular")
        return functional.conv_transpose2d(padded, kernel, padding=size - 1)

    def descend(x: Any) -> Any:
        for _ in range(steps):
            u = forward(x)
            x = x - STEP * adjoint(u / torch.sqrt(1 + u * u))
        return x

    def entry(function: Callable[[Any], Any], argument: Any) -> Callable[[], None]:
        def call() -> None:
            torch.set_num_threads(threads)
            with torch.no_grad():
                function(argument)

        return call

    return {"forward": entry(forward, x), "adjoint": entry(adjoint, r), "loop": entry(descend, x)}
