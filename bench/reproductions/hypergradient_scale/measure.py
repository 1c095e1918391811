"""Time and weigh hypergradients of one image; what does not fit memory or time is predicted."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float64

from ....hypergrad.method import Method
from ....solvers import Budget
from ...grid.clock_settings import ClockSettings
from ...machine.device_memory import memory_limit
from ...machine.threads import fix_blas_threads
from ...measure.accuracy import flatten
from ...measure.clock import time_once, time_rounds
from ...measure.memory_limit import too_large
from ...measure.program import Compiler, OutOfMemory, Program
from ...measure.samples import Samples
from ...measure.untimed import untimed
from ...records.status import Status
from ..certified import certify, closed_form, has_kink
from ..growing_images import GrowingImage
from ..relative_error import relative_error
from ..training_pair import TrainingPair
from .problem import (
    ADJOINT_TOLERANCE,
    BUDGET,
    CLOSED_FORM,
    LINEAR,
    LONGER,
    UNROLLED,
    UNROLLED_STEPS,
    Differentiated,
    solve_program,
    total_program,
)
from .rows import ClosedFormMemory, Image, NotRunRow, Run, ScaleRow, UnrolledRow, Weighed

CLOCK = ClockSettings(rounds_min=2, rounds_max=7, seconds=4.0, warmup=1, limit_seconds=4.0)
QUICK = ClockSettings(rounds_min=1, rounds_max=1, seconds=0.1, warmup=1, limit_seconds=1.0)
LONGEST_SECONDS = 60.0
TRIAL_STEPS = 10
LARGEST_REFERENCE = 64


class NotTimed(Exception):
    """Report that a program ended otherwise than with its result; the message says how."""

    def __init__(self, samples: Samples) -> None:
        super().__init__(samples.reason)
        self.status = samples.status


class ImageSetting(NamedTuple):
    """What all methods on one image share.

    Attributes:
        pair: the image.
        image: what its rows say of it.
        compiler: of all programs.
        clock: how long they are timed.
        exact: the gradient on a certified solution as one vector; None where there is none.
    """

    pair: TrainingPair
    image: Image
    compiler: Compiler
    clock: ClockSettings
    exact: Float64[np.ndarray, " parameters"] | None


def measure_case(case: GrowingImage, quick: bool) -> list[ScaleRow]:
    """Return one row per method."""
    fix_blas_threads()
    pair = case.pair()
    image: Image = {
        "task": case.task,
        "side": case.side,
        "pixels": case.side**2,
        "memory_limit_bytes": memory_limit(),
        "quick": quick,
    }
    exact = _exact(pair) if case.side <= LARGEST_REFERENCE else None
    setting = ImageSetting(pair, image, Compiler(), QUICK if quick else CLOCK, exact)
    return [
        _closed_form(setting),
        *(measure_unrolled(name, method, setting) for name, method in UNROLLED.items()),
    ]


def _exact(pair: TrainingPair) -> np.ndarray | None:
    """Return the gradient on a certified solution as one vector; None where it is not certified or smooth."""
    solved = untimed(certify)(pair.lower)
    found = untimed(closed_form)(pair, solved)
    if not bool(solved.solution.certificate.certified) or bool(untimed(has_kink)(pair.lower, solved, found)):
        return None
    return flatten(found.gradient.regularizer)


def _closed_form(setting: ImageSetting) -> ScaleRow:
    pair, compiler = setting.pair, setting.compiler
    solve = compiler.compile_program(solve_program(BUDGET), pair, name="solve")
    total = compiler.compile_program(total_program(LINEAR, BUDGET), pair, name=CLOSED_FORM)
    longer = compiler.compile_program(total_program(LINEAR, LONGER), pair, name=CLOSED_FORM)
    memory: ClosedFormMemory = {
        "method": CLOSED_FORM,
        "route": LINEAR.route(pair.lower),
        "memory_bytes": total.memory.total,
        "longer_memory_bytes": longer.memory.total,
        "solve_memory_bytes": solve.memory.total,
    }
    if reason := too_large(total):
        return {**setting.image, **memory, "status": Status.OUT_OF_MEMORY.value, "reason": reason}
    try:
        timed, found = _timed({"solve": solve, "total": total}, setting)
    except NotTimed as error:
        return {**setting.image, **memory, "status": error.status.value, "reason": str(error)}
    return {
        **setting.image,
        **memory,
        "solve_seconds": timed["solve"].median,
        "solve_calls": len(timed["solve"].seconds),
        **_run(timed["total"], found, setting.exact),
    }


def measure_unrolled(name: str, method: Method, setting: ImageSetting) -> NotRunRow | UnrolledRow:
    """Time one way of unrolling, or say what it would need."""
    exactly = total_program(method, _exactly(UNROLLED_STEPS))
    total = setting.compiler.compile_program(exactly, setting.pair, name=repr(method))
    row: Weighed = {**setting.image, "method": name, "memory_bytes": total.memory.total}
    if reason := too_large(total):
        return {**row, "status": Status.OUT_OF_MEMORY.value, "reason": reason}
    try:
        estimate = _estimate(method, setting)
        if estimate > LONGEST_SECONDS:
            reason = f"about {estimate:.0f} s, by {TRIAL_STEPS} steps; the limit is {LONGEST_SECONDS:.0f} s"
            status = Status.TIMED_OUT.value
            return {**row, "status": status, "reason": reason, "estimated_seconds": estimate}
        timed, found = _timed({"total": total}, setting)
    except OutOfMemory as error:  # of the few steps by which the time is estimated
        return {**row, "status": Status.OUT_OF_MEMORY.value, "reason": str(error)}
    except NotTimed as error:
        return {**row, "status": error.status.value, "reason": str(error)}
    return {**row, **_run(timed["total"], found, setting.exact)}


def _estimate(method: Method, setting: ImageSetting) -> float:
    """Return the seconds of all steps by those of a few, the second call of two."""
    trial = setting.compiler.compile_program(
        total_program(method, _exactly(TRIAL_STEPS)), setting.pair, name=f"{method!r}, trial"
    )
    jax.block_until_ready(trial(setting.pair))
    return time_once(lambda: trial(setting.pair)).seconds * UNROLLED_STEPS / TRIAL_STEPS


def _timed(programs: dict[str, Program], setting: ImageSetting) -> tuple[dict[str, Samples], Differentiated]:
    """Time programs in the same rounds, and keep the total's last result; raise `NotTimed` without one."""
    kept: dict[str, Differentiated] = {}

    def call(name: str) -> Callable[[], Differentiated]:
        def run() -> Differentiated:
            kept[name] = programs[name](setting.pair)
            return kept[name]

        return run

    timed = time_rounds({name: call(name) for name in programs}, setting.clock)
    if timed["total"].status not in (Status.OK, Status.TIMED_OUT):
        raise NotTimed(timed["total"])
    return timed, kept["total"]


def _run(samples: Samples, found: Differentiated, exact: Float64[np.ndarray, " parameters"] | None) -> Run:
    """Return what a run says; a first call beyond the clock's limit is all that its median is of."""
    gradient = flatten(found.gradient)
    finite = bool(np.isfinite(gradient).all())
    status, reason = _status(found) if finite else (Status.NOT_FINITE, "the hypergradient is not finite")
    steps, residual = found.adjoint_steps, found.adjoint_residual
    return {
        "total_seconds": samples.median,
        "total_calls": len(samples.seconds),
        "steps": int(found.steps),
        "residual": float(found.residual),
        "ambiguous": int(found.ambiguous),
        "adjoint_steps": None if steps is None else int(steps),
        "adjoint_residual": None if residual is None else float(residual),
        "gradient_error": relative_error(gradient, exact) if finite and exact is not None else None,
        "status": status.value,
        "reason": reason,
    }


def _status(found: Differentiated) -> tuple[Status, str]:
    """Return MAX_STEPS where solver or adjoint stopped at their limit."""
    adjoint = found.adjoint_residual
    late = ["the solver"] * bool(found.residual > BUDGET.tolerance)
    late += ["the adjoint iteration"] * bool(adjoint is not None and adjoint > ADJOINT_TOLERANCE)
    if not late:
        return Status.OK, ""
    return Status.MAX_STEPS, f"{' and '.join(late)} stopped at the limit of steps"


def _exactly(steps: int) -> Budget:
    return Budget(max_steps=steps, tolerance=0.0)
