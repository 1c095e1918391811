"""Time one training step of a deep equilibrium model in deepinv and here, on the same arrays."""

import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ....problems import LowerLevel
from ....solvers.fixed_point_map import map_step_size
from ...failure import failure_of
from ...grid.clock_settings import ClockSettings
from ...measure.clock import time_rounds
from ...measure.samples import Samples, ratio
from ...records.status import Status
from ..relative_error import finite, relative_error
from .in_deepinv import DeepinvStep, DeqArrays, deepinv_step, deepinv_version, missing
from .ours import QUICK_TOLERANCES, TOLERANCES, OurStep, exact_gradient, ways
from .problem import SCALE, DeqBatch, DeqCase, draw_batch
from .rows import DeqRow, JudgedStep

DEEPINV, OURS = "deepinv", "ours"
ITERATED, JACOBIAN_FREE = "its own backward iteration", "Jacobian-free"


class DeqContestant(NamedTuple):
    """Whose gradient it is, which, and on how many threads."""

    library: str
    what: str
    threads: int

    @property
    def solve(self) -> str:
        """Under which name its solve is timed."""
        return f"{self}, forward"


class JudgedGradient(NamedTuple):
    """The relative error of a contestant's gradient, and what became of it."""

    contestant: DeqContestant
    error: float | None
    status: Status
    reason: str


def measure_step(case: DeqCase, quick: bool) -> list[DeqRow]:
    """Time all ways in rounds that interleave them, and judge each gradient by the exact one."""
    batch = draw_batch(case)
    exact, residual = exact_gradient(batch)
    asked = ways(case.steps, QUICK_TOLERANCES if quick else TOLERANCES)
    ours = {
        DeqContestant(OURS, name, cpus()): OurStep.compiled(way, batch.astype("float32"))
        for name, way in asked.items()
    }
    theirs = build_theirs(case, batch)
    samples = time_rounds(_calls(ours) | _calls(theirs.steps), _clock(quick))
    judged = [
        JudgedGradient(one, _error_of(theirs.steps.get(one), exact), theirs.status, theirs.reason)
        for one in peers()
    ]
    judged += [
        JudgedGradient(who, relative_error(one.found(), exact), *one.status()) for who, one in ours.items()
    ]
    return [
        {
            "case": case.name,
            "quick": quick,
            "reference_residual": residual,
            "version": theirs.version,
            **_timed(samples, one),
        }
        for one in judged
    ]


def cpus() -> int:
    """Return how many CPUs this process may use; our programs use them all."""
    return len(os.sched_getaffinity(0))


def peers() -> list[DeqContestant]:
    """Return deepinv's steps: with all CPUs and with one, as its threads may wait for each other."""
    counts = sorted({cpus(), 1}, reverse=True)
    return [DeqContestant(DEEPINV, what, count) for what in (ITERATED, JACOBIAN_FREE) for count in counts]


def _calls(steps: Mapping[DeqContestant, OurStep | DeepinvStep]) -> dict[str, Callable[[], object]]:
    """Return two entries for each: the solve alone, and with the gradient."""
    calls: dict[str, Callable[[], object]] = {}
    for who, one in steps.items():
        calls |= {who.solve: one.forward, str(who): one.gradient}
    return calls


def _timed(samples: Mapping[str, Samples], judged: JudgedGradient) -> JudgedStep:
    who, error, status, reason = judged
    if status is Status.OK and error is not None and not np.isfinite(error):
        status, reason = Status.NOT_FINITE, "this gradient is not finite"
    forward, whole = samples.get(who.solve), samples.get(str(who))
    if whole is not None and whole.status is not Status.OK:
        status, reason = whole.status, whole.reason
    return {
        "library": who.library,
        "what": who.what,
        "threads": who.threads,
        "forward_seconds": None if forward is None else forward.median,
        "seconds": None if whole is None else whole.median,
        "error": finite(error),
        "over_exact": _over(samples, who, ITERATED),
        "over_jacobian_free": _over(samples, who, JACOBIAN_FREE),
        "status": status.value,
        "reason": reason,
    }


class BuiltSteps(NamedTuple):
    """What deepinv built, its version, and what became of it."""

    steps: dict[DeqContestant, DeepinvStep]
    version: str | None = None
    status: Status = Status.OK
    reason: str = ""


def build_theirs(case: DeqCase, batch: DeqBatch) -> BuiltSteps:
    """Build all of deepinv's steps, and call each once; what is raised is a reason."""
    absent = missing()
    if absent is not None:
        return BuiltSteps({}, None, Status.NOT_INSTALLED, absent)
    y, truth, held = batch.astype("float32").y, batch.astype("float32").truth, batch.regularizer
    step = float(map_step_size(LowerLevel(batch.A, batch.y[0], held), 1.0))
    filters, weights = (jnp.asarray(one, jnp.float32) for one in (held.filters, held.weights))
    arrays = DeqArrays(filters, weights, y, truth, SCALE, step)
    try:
        built = {
            who: deepinv_step(arrays, case.steps, who.what == JACOBIAN_FREE, who.threads) for who in peers()
        }
        for one in built.values():
            one.gradient()
    except Exception as error:  # another library, of any version
        return BuiltSteps({}, deepinv_version(), Status.FAILED, failure_of(error))
    return BuiltSteps(built, deepinv_version())


def _error_of(step: DeepinvStep | None, exact: Float[np.ndarray, " parameters"]) -> float | None:
    return None if step is None else relative_error(np.asarray(step.gradient(), np.float64), exact)


def _over(samples: Mapping[str, Samples], who: DeqContestant, what: str) -> float | None:
    """Return the median ratio of our seconds to deepinv's, round by round: the larger over its threads."""
    if who.library == DEEPINV:
        return None
    theirs = [samples[str(one)] for one in peers() if one.what == what and str(one) in samples]
    found = [quartiles.median for one in theirs if (quartiles := ratio(samples[str(who)], one)) is not None]
    return max(found, default=None)


def _clock(quick: bool) -> ClockSettings:
    if quick:
        return ClockSettings(rounds_min=2, rounds_max=2, seconds=0.1, warmup=1)
    # Samples this long outlast what another library's threads, still spinning, cost the first calls.
    return ClockSettings(rounds_min=7, rounds_max=20, seconds=20.0, sample_seconds=2e-2)
