"""Compile quickly, and count traces."""

from collections.abc import Callable
from typing import Any

import jax

FAST_COMPILE = {"xla_backend_optimization_level": 0}
"""Checks run a program once or twice: half the compile time is worth a slower program."""


class Compiled:
    """Compile a function of static, hashable settings and one traced argument, and count its traces.

    The count is what a user pays for: equal settings with new data must not add to it.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.traces = 0
        self._function = function
        self._jitted = jax.jit(self._traced, static_argnums=0, compiler_options=FAST_COMPILE)

    def __call__(self, settings: tuple[Any, ...], data: Any) -> Any:
        """Return `function(*settings, data)`, finished."""
        return jax.block_until_ready(self._jitted(settings, data))

    def _traced(self, settings: tuple[Any, ...], data: Any) -> Any:
        self.traces += 1
        return self._function(*settings, data)
