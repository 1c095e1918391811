"""The rows of what hypergradients of a network cost: bytes by iterations, and seconds."""

from typing_extensions import TypedDict


class MemoryRow(TypedDict):
    """The memory that one program needs, as its compiler says.

    Attributes:
        case: memory.
        quick: whether it was a quick run, of a small network.
        method: the differentiation rule.
        steps: iterations of the solver.
        memory_bytes: arguments, results and temporaries; None where the device gives no figure.
        memory_limit_bytes: what a program may need on this machine.
        compile_seconds: of tracing, lowering and compiling.
    """

    case: str
    quick: bool
    method: str
    steps: int
    memory_bytes: float | None
    memory_limit_bytes: float
    compile_seconds: float


class Steps(TypedDict):
    """Iterations of the solver and of the adjoint; None for what did not run."""

    steps: int | None
    adjoint_steps: int | None


class Called(Steps):
    """What became of a program that was to run; `seconds` are of one call, None where it did not fit."""

    seconds: float | None
    status: str
    reason: str


class SecondsRow(Called):
    """The seconds of one program.

    Attributes:
        case: seconds.
        quick: whether it was a quick run, of a small network.
        device: the kind that it ran on.
        memory_limit_bytes: what a program may need on this machine.
        what: solve, or solve and gradient.
        compile_seconds: of tracing, lowering and compiling.
        memory_bytes: arguments, results and temporaries; None where the device gives no figure.
    """

    case: str
    quick: bool
    device: str
    memory_limit_bytes: float
    what: str
    compile_seconds: float
    memory_bytes: float | None
