"""Time one gradient of a ridge regulariser, of an image alone and of images under `vmap`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems.regularizers.ridge.convex_ridge import ConvexRidge
from ...grid.clock_settings import ClockSettings
from ...measure.clock import time_rounds
from ...measure.program import Compiler
from ...measure.samples import Samples, ratio
from ...records.status import Status
from .machine_limit import product_entry, product_gflops
from .rows import RidgeRow, RidgeTimes

STEPS = 4
STEP = 1e-3


@dataclass(frozen=True)
class RidgeCase:
    """b images of h x h pixels under the convex ridge regulariser's 64 composed filters."""

    b: int
    h: int

    @property
    def name(self) -> str:
        """Its sizes in short: "ridge b8 h64"."""
        return f"ridge b{self.b} h{self.h}"


def measure_ridge(case: RidgeCase, clock: ClockSettings) -> RidgeRow:
    """Time one case in rounds that interleave all programs and the machine's own speed."""
    ridge = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), ConvexRidge.initial((case.h, case.h), 0))
    images = jnp.asarray(np.random.default_rng(0).normal(size=(case.b, case.h, case.h)), jnp.float32)
    calls, temporaries = _entries(ridge, images)
    samples = time_rounds({**calls, **product_entry()}, clock)
    failed = [f"{name}: {each.reason}" for name, each in samples.items() if each.status is not Status.OK]
    row: RidgeRow = {
        "case": case.name,
        "images": case.b,
        "side": case.h,
        "dtype": "float32",
        "gflop_per_image": _gflop(ridge, case.h),
        "alone_temporary_bytes": temporaries["alone"],
        "batch_temporary_bytes": temporaries["batch"],
        "status": (Status.FAILED if failed else Status.OK).value,
        "reason": "; ".join(failed),
    }
    return row if failed else {**row, **_times(samples, case, row["gflop_per_image"])}


def _entries(
    ridge: ConvexRidge, images: Float[Array, "b h h"]
) -> tuple[dict[str, Callable[[], object]], dict[str, int | None]]:
    """Compile the gradient and a loop of gradient steps, of the first image and of all."""
    compiler = Compiler()
    programs = {
        "alone": compiler.compile_program(_gradient, ridge, images[0], name="alone"),
        "batch": compiler.compile_program(jax.vmap(_gradient, (None, 0)), ridge, images, name="batch"),
        "loop_alone": compiler.compile_program(_descend, ridge, images[0], name="loop_alone"),
        "loop_batch": compiler.compile_program(
            jax.vmap(_descend, (None, 0)), ridge, images, name="loop_batch"
        ),
    }
    arguments = {name: images if "batch" in name else images[0] for name in programs}
    calls: dict[str, Callable[[], object]] = {
        name: lambda name=name: programs[name](ridge, arguments[name]) for name in programs
    }
    return calls, {name: programs[name].temporary_bytes for name in programs}


def _gradient(ridge: ConvexRidge, x: Float[Array, "h w"]) -> Float[Array, "h w"]:
    return ridge.gradient(x)


def _descend(ridge: ConvexRidge, x: Float[Array, "h w"]) -> Float[Array, "h w"]:
    """Take gradient steps with filters that are normalised once, as a solve does."""
    ridge = ridge.prepared()

    def step(state: tuple[Array, Array]) -> tuple[Array, Array]:
        done, x = state
        return done + 1, x - STEP * ridge.gradient(x)

    return jax.lax.while_loop(lambda state: state[0] < STEPS, step, (jnp.int32(0), x))[1]


def _gflop(ridge: ConvexRidge, side: int) -> float:
    """Count forward and adjoint of the three banks, two operations per pixel and entry of a filter."""
    entries = ridge.W.first.size + ridge.W.second.size + ridge.W.third.size
    return 4e-9 * side * side * entries


def _times(samples: Mapping[str, Samples], case: RidgeCase, gflop: float) -> RidgeTimes:
    seconds = {name: float(np.median(each.seconds)) for name, each in samples.items()}
    limit = gflop / product_gflops(samples)
    alone_over_batch = ratio(samples["batch"], samples["alone"])
    loop_ratio = ratio(samples["loop_batch"], samples["loop_alone"])
    assert alone_over_batch is not None
    assert loop_ratio is not None
    return {
        "alone_seconds": seconds["alone"],
        "batch_seconds": seconds["batch"],
        "loop_alone_seconds": seconds["loop_alone"],
        "loop_batch_seconds": seconds["loop_batch"],
        "limit_seconds": limit,
        "batch_over_alone": alone_over_batch.median / case.b,
        "loop_batch_over_alone": loop_ratio.median / case.b,
        "batch_over_limit": seconds["batch"] / case.b / limit,
        "loop_batch_over_limit": seconds["loop_batch"] / case.b / STEPS / limit,
    }
