"""Time a bank of filters and its adjoint, beside PyTorch's and beside what the machine allows."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems.operators.filter_bank import FilterBank
from ...grid.clock_settings import ClockSettings
from ...measure.clock import time_rounds
from ...measure.program import Compiler
from ...measure.samples import Quartiles, Samples, ratio
from ...records.status import Status
from .in_torch import MISSING, STEP, torch_entries, torch_or_none
from .rows import BankRow, CompiledBank, Limit, OurTimes, Ratios, TorchTimes, Work

Operands = tuple[Float[Array, "k s s"], Float[Array, "n h w"], Float[Array, "n k h w"]]
STEPS = 4
_PASSES = 8


@dataclass(frozen=True)
class BankCase:
    """b images of h x h pixels under k filters of s x s entries."""

    b: int
    h: int
    k: int
    s: int

    @property
    def name(self) -> str:
        """Its sizes in short: "b1 h64 k8 s5"."""
        return f"b{self.b} h{self.h} k{self.k} s{self.s}"

    @property
    def work(self) -> Work:
        """Forward and adjoint together: every operand read once, every result written once."""
        pixels, entries = self.b * self.h * self.h, self.k * self.s * self.s
        return {"gflop": 4e-9 * pixels * entries, "bytes": 8 * (pixels * (self.k + 1) + entries)}


class AgainstTorch(NamedTuple):
    """Ratios to torch: the larger of those with all threads and with one, and the one with all threads."""

    larger: Quartiles | None
    same_threads: Quartiles | None


def measure_bank(case: BankCase, quick: bool) -> BankRow:
    """Time one case in rounds that interleave ours, torch's and the machine's own speed."""
    threads = len(os.sched_getaffinity(0))
    operands = _operands(case)
    ours, compiled = _our_entries(operands)
    torch = torch_or_none()
    theirs: dict[str, Callable[[], object]] = {}
    if torch:
        for count in {threads, 1}:
            entries = torch_entries(torch, operands, STEPS, count)
            theirs |= {_entry_of_torch(count, name): call for name, call in entries.items()}
    samples = time_rounds({**ours, **theirs, **_limit_entries()}, _clock(quick))
    failed = [f"{name}: {each.reason}" for name, each in samples.items() if each.status is not Status.OK]
    row: BankRow = {
        **compiled,
        "case": case.name,
        "b": case.b,
        "h": case.h,
        "k": case.k,
        "s": case.s,
        "dtype": "float32",
        "threads": threads,
        **case.work,
        "torch_version": str(torch.__version__) if torch else None,
        "status": (Status.FAILED if failed else Status.OK).value,
        "reason": "; ".join(failed) or ("" if torch else MISSING),
    }
    if failed:
        return row
    return {
        **row,
        **_our_times(samples),
        **_torch_times(samples, threads),
        **_ratios(samples, threads),
        **_against_limit(samples, case.work),
    }


def _clock(quick: bool) -> ClockSettings:
    if quick:
        return ClockSettings(rounds_min=3, rounds_max=3, seconds=0.1)
    # Samples this long outlast what another library's threads, still spinning, cost the first calls.
    return ClockSettings(rounds_min=7, rounds_max=20, seconds=10.0, sample_seconds=2e-2)


def _operands(case: BankCase) -> Operands:
    b, h, k, s = case.b, case.h, case.k, case.s
    rng = np.random.default_rng(0)
    shapes = (k, s, s), (b, h, h), (b, k, h, h)
    scales = (1 / (s * np.sqrt(k)), 1.0, 1.0)
    filters, x, r = (
        jnp.asarray(scale * rng.normal(size=shape), jnp.float32)
        for shape, scale in zip(shapes, scales, strict=True)
    )
    return filters, x, r


def _our_entries(operands: Operands) -> tuple[dict[str, Callable[[], object]], CompiledBank]:
    """Compile the forward, the adjoint and the loop; and say what the compiler made of them."""
    filters, x, r = operands
    compiler = Compiler()
    programs = {
        "forward": compiler.compile_program(_forward, filters, x, name="forward"),
        "adjoint": compiler.compile_program(_adjoint, filters, r, name="adjoint"),
        "loop": compiler.compile_program(_descend, filters, x, name="loop"),
    }
    form = "convolution" if " convolution(" in programs["forward"].text() else "product"
    compiled = sum(program.compile_seconds for program in programs.values())
    arguments = {"forward": x, "adjoint": r, "loop": x}
    calls: dict[str, Callable[[], object]] = {
        name: lambda name=name: programs[name](filters, arguments[name]) for name in programs
    }
    return calls, {"form": form, "compile_seconds": compiled}


def _forward(filters: Float[Array, "k s s"], x: Float[Array, "n h w"]) -> Float[Array, "n k h w"]:
    return jax.vmap(FilterBank(filters))(x)


def _adjoint(filters: Float[Array, "k s s"], r: Float[Array, "n k h w"]) -> Float[Array, "n h w"]:
    return jax.vmap(FilterBank(filters).adjoint)(r)


def _descend(filters: Float[Array, "k s s"], x: Float[Array, "n h w"]) -> Float[Array, "n h w"]:
    """Descend on sum sqrt(1 + (W x)^2), as a solver does."""

    def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
        done, x = state
        u = _forward(filters, x)
        return done + 1, x - STEP * _adjoint(filters, u / jnp.sqrt(1 + u * u))

    return jax.lax.while_loop(lambda state: state[0] < STEPS, step, (jnp.int32(0), x))[1]


def _limit_entries() -> dict[str, Callable[[], object]]:
    """Return a matrix product of 1024 x 1024 and `_PASSES` passes over 64 MiB, in memory that stays."""
    square, long = jnp.ones((1024, 1024), jnp.float32), jnp.ones(2**24, jnp.float32)
    compiler = Compiler()
    product = compiler.compile_program(lambda a: jnp.dot(a, a), square, name="product")
    copies = compiler.compile_program(
        lambda a: jax.lax.fori_loop(0, _PASSES, lambda _, a: a * jnp.float32(0.999), a), long, name="copies"
    )
    return {"product": lambda: product(square), "copies": lambda: copies(long)}


def _entry_of_torch(threads: int, part: str) -> str:
    return f"torch_{threads}_{part}"


def _our_times(samples: Mapping[str, Samples]) -> OurTimes:
    return {
        "forward_seconds": samples["forward"].median,
        "adjoint_seconds": samples["adjoint"].median,
        "loop_seconds": samples["loop"].median,
    }


def _torch_times(samples: Mapping[str, Samples], threads: int) -> TorchTimes:
    def median(count: int, part: str) -> float | None:
        timed = samples.get(_entry_of_torch(count, part))
        return None if timed is None else timed.median

    return {
        "torch_forward_seconds": median(threads, "forward"),
        "torch_adjoint_seconds": median(threads, "adjoint"),
        "torch_loop_seconds": median(threads, "loop"),
        "torch_one_thread_forward_seconds": median(1, "forward"),
        "torch_one_thread_adjoint_seconds": median(1, "adjoint"),
        "torch_one_thread_loop_seconds": median(1, "loop"),
    }


def _ratios(samples: Mapping[str, Samples], threads: int) -> Ratios:
    alone = _against_torch(samples, threads, ("forward", "adjoint"))
    loop = _against_torch(samples, threads, ("loop",))
    return {
        "ratio_alone": alone.larger and alone.larger.median,
        "ratio_alone_q1": alone.larger and alone.larger.q1,
        "ratio_alone_q3": alone.larger and alone.larger.q3,
        "ratio_alone_same_threads": alone.same_threads and alone.same_threads.median,
        "ratio_loop": loop.larger and loop.larger.median,
        "ratio_loop_q1": loop.larger and loop.larger.q1,
        "ratio_loop_q3": loop.larger and loop.larger.q3,
        "ratio_loop_same_threads": loop.same_threads and loop.same_threads.median,
    }


def _against_torch(samples: Mapping[str, Samples], threads: int, parts: Sequence[str]) -> AgainstTorch:
    """Form the ratios to torch with all threads, and to torch with one."""
    same, single = (_ratio_to_torch(samples, count, parts) for count in (threads, 1))
    return AgainstTorch(max((one for one in (same, single) if one), default=None), same)


def _ratio_to_torch(samples: Mapping[str, Samples], threads: int, parts: Sequence[str]) -> Quartiles | None:
    names = [_entry_of_torch(threads, part) for part in parts]
    if any(name not in samples for name in names):
        return None
    return ratio(_together(samples, parts), _together(samples, names))


def _together(samples: Mapping[str, Samples], names: Sequence[str]) -> Samples:
    """Add the seconds of entries, round by round."""
    seconds = zip(*(samples[name].seconds for name in names), strict=False)
    return Samples(tuple(sum(each) for each in seconds))


def _against_limit(samples: Mapping[str, Samples], work: Work) -> Limit:
    """Divide the forward and the adjoint by the larger of their operations' and their bytes' time."""
    product, copies = samples["product"].median, samples["copies"].median
    assert product
    assert copies
    gflops, bandwidth = 2 * 1024**3 / product * 1e-9, _PASSES * 8 * 2**24 / copies
    limit = max(work["gflop"] / gflops, work["bytes"] / bandwidth)
    alone = _together(samples, ("forward", "adjoint")).seconds
    return {
        "product_gflops": gflops,
        "copy_bytes_per_second": bandwidth,
        "limit_seconds": limit,
        "alone_over_limit": float(np.median(alone)) / limit,
        "loop_over_limit": float(np.median(samples["loop"].seconds)) / STEPS / limit,
    }
