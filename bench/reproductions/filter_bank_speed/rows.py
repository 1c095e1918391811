"""The rows of the filter bank's speed: one per case."""

from typing_extensions import TypedDict


class Sizes(TypedDict):
    """What is filtered.

    Attributes:
        b: images of a batch.
        h: their side, pixels.
        k: filters.
        s: their side, entries.
    """

    b: int
    h: int
    k: int
    s: int


class CompiledBank(TypedDict):
    """What the compiler made of the forward: a convolution or a product; and what compiling took."""

    form: str
    compile_seconds: float


class Work(TypedDict):
    """Floating-point operations (in 10^9) and bytes of forward and adjoint together."""

    gflop: float
    bytes: float


class OurTimes(TypedDict, total=False):
    """Seconds of ours: forward, adjoint, and all steps of the loop."""

    forward_seconds: float | None
    adjoint_seconds: float | None
    loop_seconds: float | None


class TorchTimes(TypedDict, total=False):
    """Seconds of torch with as many threads as ours, and with one; None without torch."""

    torch_forward_seconds: float | None
    torch_adjoint_seconds: float | None
    torch_loop_seconds: float | None
    torch_one_thread_forward_seconds: float | None
    torch_one_thread_adjoint_seconds: float | None
    torch_one_thread_loop_seconds: float | None


class Ratios(TypedDict, total=False):
    """Our seconds over torch's, formed round by round; None without torch.

    Attributes:
        ratio_alone: the larger of the medians to both thread counts, of forward and adjoint together.
        ratio_alone_same_threads: the median to torch with as many threads as ours.
        ratio_loop: as `ratio_alone`, of the loop.
        ratio_loop_same_threads: as `ratio_alone_same_threads`, of the loop.
    """

    ratio_alone: float | None
    ratio_alone_q1: float | None
    ratio_alone_q3: float | None
    ratio_alone_same_threads: float | None
    ratio_loop: float | None
    ratio_loop_q1: float | None
    ratio_loop_q3: float | None
    ratio_loop_same_threads: float | None


class Limit(TypedDict, total=False):
    """What the machine allows, in the same rounds.

    Attributes:
        product_gflops: speed of a matrix product, 10^9 operations per second.
        copy_bytes_per_second: speed of passes over memory.
        limit_seconds: the larger of the times that operations and bytes take at those speeds.
        alone_over_limit: forward and adjoint over that limit.
        loop_over_limit: a step of the loop over it.
    """

    product_gflops: float
    copy_bytes_per_second: float
    limit_seconds: float
    alone_over_limit: float
    loop_over_limit: float


class BankRow(Sizes, CompiledBank, Work, OurTimes, TorchTimes, Ratios, Limit):
    """One case; without times and what follows from them, if something could not be timed.

    Attributes:
        case: its sizes in short.
        dtype: float32.
        threads: of ours.
        torch_version: None where torch is not installed.
        status: ok, or failed where something could not be timed.
        reason: why, or that torch is not installed.
    """

    case: str
    dtype: str
    threads: int
    torch_version: str | None
    status: str
    reason: str
