"""How fast a bank of filters is: against PyTorch, and against what the machine allows."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems.operators.filter_bank import FilterBank
from ...grid.clock_settings import ClockSettings
from ...measure.clock import time_rounds
from ...measure.program import Compiler
from ...measure.samples import Samples, ratio
from ...records.status import Status
from ...report.page import Page
from ..reproduction import Row
from .in_torch import MISSING, STEP, torch_entries, torch_or_none
from .page import STEPS, make_page

Operands = tuple[Float[Array, "k s s"], Float[Array, "n h w"], Float[Array, "n k h w"]]

_CASES = ("b1 h64 k8 s5", "b1 h256 k8 s5", "b4 h256 k24 s5", "b4 h256 k24 s7", "b1 h512 k48 s7")
_QUICK = ("b1 h16 k4 s3", "b1 h64 k8 s5")
_PASSES = 8


@dataclass(frozen=True)
class FilterBankSpeed:
    """Is a bank of small filters with its adjoint faster than PyTorch's, alone and inside a solver's loop?"""

    def cases(self, quick: bool) -> Sequence[str]:
        return _QUICK if quick else _CASES

    def measure(self, case: str, quick: bool) -> list[Row]:
        sizes = {part[0]: int(part[1:]) for part in case.split()}
        threads = len(os.sched_getaffinity(0))
        operands = _operands(**sizes)
        ours, row = _our_entries(operands)
        torch = torch_or_none()
        theirs: dict[str, Callable[[], object]] = {}
        if torch:
            for count in {threads, 1}:
                entries = torch_entries(torch, operands, STEPS, count)
                theirs |= {f"torch_{count}_{name}": call for name, call in entries.items()}
        samples = time_rounds({**ours, **theirs, **_limit_entries()}, _clock(quick))
        row |= {"case": case, **sizes, "dtype": "float32", "threads": threads, **_flops_and_bytes(**sizes)}
        row |= {"torch_version": str(torch.__version__) if torch else None}
        failed = [f"{name}: {each.reason}" for name, each in samples.items() if each.status is not Status.OK]
        if failed:
            return [row | {"status": str(Status.FAILED), "reason": "; ".join(failed)}]
        row |= {f"{name}_seconds": samples[name].median for name in ours}
        row |= _comparison(samples, threads) | _against_limit(samples, row)
        return [row | {"status": str(Status.OK), "reason": "" if torch else MISSING}]

    def page(self, rows: Sequence[Row]) -> Page:
        return make_page(rows)


def _clock(quick: bool) -> ClockSettings:
    if quick:
        return ClockSettings(rounds_min=3, rounds_max=3, seconds=0.1)
    # Samples this long outlast what another library's threads, still spinning, cost the first calls.
    return ClockSettings(rounds_min=7, rounds_max=20, seconds=10.0, sample_seconds=2e-2)


def _operands(b: int, h: int, k: int, s: int) -> Operands:
    rng = np.random.default_rng(0)
    shapes = (k, s, s), (b, h, h), (b, k, h, h)
    scales = (1 / (s * np.sqrt(k)), 1.0, 1.0)
    filters, x, r = (
        jnp.asarray(scale * rng.normal(size=shape), jnp.float32)
        for shape, scale in zip(shapes, scales, strict=True)
    )
    return filters, x, r


def _our_entries(operands: Operands) -> tuple[dict[str, Callable[[], object]], Row]:
    """Compile the forward, the adjoint and the loop; the row says what the compiler made of them."""
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


def _flops_and_bytes(b: int, h: int, k: int, s: int) -> Row:
    """Count the forward and the adjoint together: every operand read once, every result written once."""
    return {"gflop": 4e-9 * b * h * h * k * s * s, "bytes": 8 * (b * h * h * (k + 1) + k * s * s)}


def _comparison(samples: Mapping[str, Samples], threads: int) -> Row:
    """Form the ratios to torch with all threads, and to torch with one; the larger one is `ratio`."""
    row: Row = {}
    for kind, parts in {"alone": ("forward", "adjoint"), "loop": ("loop",)}.items():
        found = []
        for count in (threads, 1):
            names = [f"torch_{count}_{part}" for part in parts]
            known = all(name in samples for name in names)
            formed = ratio(_together(samples, parts), _together(samples, names)) if known else None
            label = "torch" if count == threads else "torch_one_thread"
            for part, name in zip(parts, names, strict=True):
                row[f"{label}_{part}_seconds"] = samples[name].median if known else None
            found += [formed] if formed else []
        worst = max(found, default=None)
        row |= {f"ratio_{kind}{end}": None for end in ("", "_q1", "_q3", "_same_threads")}
        if worst:
            row |= {f"ratio_{kind}": worst.median, f"ratio_{kind}_q1": worst.q1, f"ratio_{kind}_q3": worst.q3}
            row[f"ratio_{kind}_same_threads"] = found[0].median
    return row


def _together(samples: Mapping[str, Samples], names: Sequence[str]) -> Samples:
    """Add the seconds of entries, round by round."""
    seconds = zip(*(samples[name].seconds for name in names), strict=False)
    return Samples(tuple(sum(each) for each in seconds))


def _against_limit(samples: Mapping[str, Samples], row: Row) -> Row:
    """Divide the forward and the adjoint by the larger of their flops' and their bytes' time."""
    product, copies = samples["product"].median, samples["copies"].median
    assert product
    assert copies
    gflops, bandwidth = 2 * 1024**3 / product * 1e-9, _PASSES * 8 * 2**24 / copies
    limit = max(float(str(row["gflop"])) / gflops, float(str(row["bytes"])) / bandwidth)
    alone = _together(samples, ("forward", "adjoint")).seconds
    return {
        "product_gflops": gflops,
        "copy_bytes_per_second": bandwidth,
        "limit_seconds": limit,
        "alone_over_limit": float(np.median(alone)) / limit,
        "loop_over_limit": float(np.median(samples["loop"].seconds)) / STEPS / limit,
    }
