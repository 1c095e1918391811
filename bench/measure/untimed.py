"""Compile what nobody times: references, solutions to look back from, gradients that are only judged."""

from collections.abc import Callable
from typing import TypeVar

import jax

Result = TypeVar("Result")


def untimed(
    function: Callable[..., Result], static: tuple[int, ...] = (), level: int | None = None
) -> Callable[..., Result]:
    """Compile a function whenever it is called with new shapes.

    `Compiler` compiles for one shape, ahead of time, so that a program's seconds and bytes are its own. Where
    only the answer counts, JAX's own cache by shape is all that is needed. Caveat: never time a call of it,
    as the first one compiles.

    Args:
        function: of arrays, and of Python values where `static` says so.
        static: the positions of arguments that are hashable Python values.
        level: of XLA's optimisations, 0 to 3; by default that of the process.
    """
    options = None if level is None else {"xla_backend_optimization_level": level}
    return jax.jit(function, static_argnums=static, compiler_options=options)
