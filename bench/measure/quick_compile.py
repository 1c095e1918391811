"""The options with which XLA compiles soonest what is never timed."""

import functools
from concurrent.futures import Executor

import jax
import jax.numpy as jnp

from .program import Compiler

_OLDER_AND_WHOLE = (("xla_cpu_use_fusion_emitters", False), ("xla_cpu_parallel_codegen_split_count", 1))
"""Its older code for the CPU, which is simpler, and a program in one piece: pieces cost more in all."""


def quick_compiler(level: int, beside: Executor | None = None) -> Compiler:
    """Return a compiler for programs that run a few times at most: they take a fraction as long to compile.

    Their results are those of other programs up to rounding. Options that this release of XLA does not have
    are left out. Caveat: never for what is timed or weighed.

    Args:
        level: of LLVM's optimisations, 0 to 3.
        beside: threads that compile, see `Compiler`.
    """
    return Compiler(_known_options(level), beside)


@functools.cache
def _known_options(level: int) -> tuple[tuple[str, int], ...]:
    wanted = (("xla_backend_optimization_level", level), *_OLDER_AND_WHOLE)
    return tuple(option for option in wanted if _is_known(option))


def _is_known(option: tuple[str, int]) -> bool:
    try:
        Compiler((option,)).compile_program(lambda x: x + 1, jnp.zeros(()), name=option[0])
    except (ValueError, jax.errors.JaxRuntimeError):
        return False
    return True
