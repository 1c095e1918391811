"""The one place that compiles: ahead of time, timed by itself, equal programs once."""

import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
from jax.experimental.compilation_cache import compilation_cache
from jaxtyping import PyTree

from ..failure import failure_of

_CACHE_SWITCH = "jax_enable_compilation_cache"


class OutOfMemory(RuntimeError):
    """Report that the compiler or the device refused the memory that a program needs."""


@dataclass(frozen=True)
class Memory:
    """Hold XLA's static figures for a compiled program, in bytes; None where the device gives none."""

    argument: int | None
    output: int | None
    temporary: int | None

    @property
    def total(self) -> int | None:
        """Arguments, outputs and temporaries together."""
        if self.argument is None or self.output is None or self.temporary is None:
            return None
        return self.argument + self.output + self.temporary


@dataclass(frozen=True)
class Executable:
    """What XLA made of a text, the seconds that took, and its static figures."""

    compiled: Any
    seconds: float
    memory: Memory


@dataclass(frozen=True, eq=False)
class Program:
    """Hold a compiled function; call it with arguments of the shapes it was compiled for.

    The call returns before its work is done. A program that is still being compiled is waited for by whatever
    needs it, and raises what its compilation raised.
    """

    name: str
    lowering_seconds: float
    _executable: "Future[Executable]" = field(repr=False)
    _jitted: Any = field(repr=False)
    _traces: list[Callable[..., PyTree]] = field(repr=False)

    @property
    def compile_seconds(self) -> float:
        """Tracing, lowering, and the compilation of the text, also where an equal one had been compiled."""
        return self.lowering_seconds + self.wait().seconds

    @property
    def memory(self) -> Memory:
        """XLA's static figures."""
        return self.wait().memory

    def __call__(self, *arguments: PyTree) -> PyTree:
        """Run the program; raise `OutOfMemory` if the device refuses at once."""
        with out_of_memory_named(self.name):
            return self.wait().compiled(*arguments)

    @property
    def identity(self) -> str:
        """A key that programs of equal text from one compiler share; valid while one of them lives."""
        return f"{id(self.wait().compiled):x}"

    def shapes(self, *arguments: PyTree) -> PyTree:
        """Return shapes and dtypes of the result, without tracing the function again."""
        return self._jitted.eval_shape(*arguments)

    def text(self) -> str:
        """Return the optimised program as XLA prints it."""
        return self.wait().compiled.as_text()

    def retraces(self, *arguments: PyTree) -> int:
        """Return how often the function is traced again for new arguments; 0 for equal configurations."""
        before = len(self._traces)
        self._jitted.trace(*arguments)
        return len(self._traces) - before

    def wait(self) -> Executable:
        """Return what it was compiled to, once it is; raise what its compilation raised."""
        with out_of_memory_named(self.name):
            return self._executable.result()


@dataclass(frozen=True)
class Compiler:
    """Compile functions, and compile programs of equal text only once.

    Two methods that share a forward solve give the same StableHLO text; it is their key, with the names of
    functions and results taken out, beside the structure of arguments and results. Caveat: one
    instance serves one device and one set of flags, which the text does not show.

    Args:
        options: XLA's compiler options, where they are not its defaults.
        beside: threads that compile while the caller goes on; None compiles before it does. `wait` for them
            before anything is timed, and keep `persistent_cache_off` until then.
    """

    options: tuple[tuple[str, int], ...] = ()
    beside: Executor | None = None
    _executables: "dict[tuple[object, ...], Future[Executable]]" = field(default_factory=dict, repr=False)

    def compile_program(self, function: Callable[..., PyTree], *arguments: PyTree, name: str) -> Program:
        """Trace, lower and compile `function` for the shapes of `arguments`, with the persistent cache off.

        Raises `OutOfMemory` if the compiler runs out of it, and whatever the function raises while it is
        traced. All arguments are kept, used or not, so that figures of methods have the same inputs.
        """
        traces: list[Callable[..., PyTree]] = []
        jitted = jax.jit(_counted(function, traces), keep_unused=True)
        with persistent_cache_off(), out_of_memory_named(name):
            start = time.perf_counter()
            lowered = jitted.lower(*arguments)
            lowering_seconds = time.perf_counter() - start
            executable = self._compile(lowered)
        return Program(name, lowering_seconds, executable, jitted, traces)

    def wait(self) -> None:
        """Return once nothing is being compiled any more."""
        wait(self._executables.values())

    def forget(self) -> None:
        """Drop the executables, and what has not begun; those that a `Program` holds live on."""
        for executable in self._executables.values():
            executable.cancel()
        self._executables.clear()

    def _compile(self, lowered: Any) -> "Future[Executable]":
        """Return the executable, or the promise of it; an equal text's if there is one."""
        key = _key(lowered)
        if key is not None and key in self._executables:
            return self._executables[key]
        make = functools.partial(_executable, lowered, dict(self.options))
        if self.beside is None:
            executable: Future[Executable] = Future()
            executable.set_result(make())
        else:
            executable = self.beside.submit(make)
        # One that calls back is nobody else's, and still to be waited for.
        self._executables[key or (executable,)] = executable
        return executable


def _executable(lowered: Any, options: dict[str, int]) -> Executable:
    start = time.perf_counter()
    compiled = lowered.compile(options)
    return Executable(compiled, time.perf_counter() - start, _memory(compiled))


@contextmanager
def out_of_memory_named(name: str) -> Iterator[None]:
    """Raise `OutOfMemory` with the program's name in place of the many ways in which memory is refused.

    Results are computed asynchronously, so wrap the wait for them as well as the call.
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in str(error):
            raise OutOfMemory(f"{name}: {failure_of(error)}") from error
        raise


def _counted(function: Callable[..., PyTree], traces: list[Callable[..., PyTree]]) -> Callable[..., PyTree]:
    """Wrap a function so that each trace of it is noted; the new identity also defeats JAX's own caches."""

    @functools.wraps(function, updated=())
    def traced(*arguments: PyTree) -> PyTree:
        traces.append(function)
        return function(*arguments)

    return traced


def _key(lowered: Any) -> tuple[object, ...] | None:
    """Return what equal programs share; None for a program that calls back into Python.

    The text holds a callback's index only, so that two programs with different callbacks look alike.
    """
    text = lowered.as_text()
    if "callback" in text:
        return None
    return hashlib.sha256(_without_names(text).encode()).hexdigest(), lowered.in_tree, lowered.out_tree


def _without_names(text: str) -> str:
    """Take names of the module, its functions and its results out of StableHLO text."""
    text = re.sub(r'jax\.result_info = "(?:[^"\\]|\\.)*"', "", text)
    text = re.sub(r"^module @\S+", "module", text, flags=re.MULTILINE)
    defined = re.findall(r"func\.func (?:\w+ )?@([\w.$-]+)", text)
    numbers = {name: f"@{number}" for number, name in enumerate(defined)}
    # The target of a custom call is not a name but what is called: a Cholesky factor is not an LU one.
    return re.sub(r"(?<!custom_call )@([\w.$-]+)", lambda match: numbers.get(match[1], match[0]), text)


@contextmanager
def persistent_cache_off() -> Iterator[None]:
    """Switch JAX's on-disk cache off: a program read from it would seem to compile at once."""
    before = getattr(jax.config, _CACHE_SWITCH)
    jax.config.update(_CACHE_SWITCH, False)
    compilation_cache.reset_cache()  # JAX looks at the switch only once otherwise
    try:
        yield
    finally:
        jax.config.update(_CACHE_SWITCH, before)
        compilation_cache.reset_cache()


def _memory(compiled: Any) -> Memory:
    """Return the compiler's static figures."""
    try:
        analysis = compiled.memory_analysis()
    except (NotImplementedError, jax.errors.JaxRuntimeError):
        analysis = None
    if analysis is None:
        return Memory(argument=None, output=None, temporary=None)
    return Memory(
        argument=analysis.argument_size_in_bytes,
        output=analysis.output_size_in_bytes,
        temporary=analysis.temp_size_in_bytes,
    )
