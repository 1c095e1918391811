"""Steps per second, side by side: ours in one compiled loop, and the authors' algorithm as published."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float64

from ....hypergrad import ClosedForm
from ....problems import AnalysisL1, Dense, Identity, LowerLevel
from ....solvers import ActiveSet, Budget
from ...failure import failure_of
from ...grid.clock_settings import ClockSettings
from ...measure.clock import time_rounds
from ...measure.samples import Samples, quartiles, ratio
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import finite, relative_error
from .certified_batch import dictionary, gradient_by_W, solve_certified
from .published import INSTALL, PublishedTraining, cvxpy_is_installed, cvxpy_versions
from .rows import SpeedRow
from .signals import PIECEWISE, Signals, draw_signals, first_operator
from .training import Descent, OperatorState, begin, compiled_steps, epochs, train

OURS, AUTHORS = "this project", "the authors' algorithm"
EXACT = 1e-6
"""Our gradient may have this relative error."""
FULL = ClockSettings(rounds_min=10, rounds_max=40, seconds=20.0)
QUICK = ClockSettings(rounds_min=2, rounds_max=2, seconds=0.1, warmup=1)


class SpeedSetting(NamedTuple):
    """How long the signals are, how many there are, and how many steps are taken.

    Attributes:
        length: n = k.
        training: signals to train on.
        before: steps of training before each further stage.
        timed: steps of one timed call of ours.
    """

    length: int
    training: int
    before: tuple[int, ...]
    timed: int


class SpeedContestant(NamedTuple):
    """What is timed, the steps of one call, and its first gradient.

    A status other than ok says why there is nothing to time, or what is wrong with what is timed.
    """

    name: str
    call: Callable[[], Any] | None
    steps: int = 1
    gradient: Float64[np.ndarray, "k n"] | None = None
    status: Status = Status.OK
    reason: str = ""


def measure_speed(setting: SpeedSetting, descent: Descent, quick: bool) -> list[SpeedRow]:
    """Time both at the first W and at those that a training has after a while; its next steps are timed."""
    signals = draw_signals(PIECEWISE, setting.length, setting.training, 0)
    first = first_operator(setting.length)
    stages = {0: begin(first, signals)} | {
        before: train(first, signals, descent.cut(before), 0).state for before in setting.before
    }
    rows = []
    for before, state in stages.items():
        batches = epochs(setting.training, before + setting.timed, 0)[before:]
        rows += _stage(before, state, signals, batches, descent, quick)
    return rows


def _stage(
    before: int, state: OperatorState, signals: Signals, batches: np.ndarray, descent: Descent, quick: bool
) -> list[SpeedRow]:
    name = f"W after {before} steps" if before else "the first W"
    batch = Signals(*(part[batches[0]] for part in signals))
    contestants = [_ours(state, signals, batches, descent), _authors(state.W, batch)]
    calls = {one.name: one.call for one in contestants if one.call is not None}
    timed = time_rounds(calls, QUICK if quick else FULL)
    exact = np.asarray(untimed(exact_gradient)(state.W, batch))
    return [_row(name, one, timed, contestants[0].steps, exact, quick) for one in contestants]


def exact_gradient(W: Float[Array, "k n"], batch: Signals) -> Float[Array, "k n"]:
    """Return the gradient of a batch by another way: `ClosedForm` where `ActiveSet` has certified."""

    def loss(W: Array) -> Array:
        def denoised(y: Array) -> Array:
            lower = LowerLevel(Identity(), y, AnalysisL1(Dense(W), jnp.ones((), y.dtype)))
            return ClosedForm()(ActiveSet(), Budget(100, 1e-11), lower).x

        return jnp.mean(jnp.square(jax.lax.map(denoised, batch.measured) - batch.truths))

    return jax.grad(loss)(W)


def batch_gradient(W: Float[Array, "k n"], batch: Signals) -> Float[Array, "k n"]:
    """Return the gradient of a batch as a training step takes it, from cold starts."""
    start = jnp.zeros((batch.truths.shape[0], W.shape[0]), W.dtype)
    return gradient_by_W(solve_certified(dictionary(W), batch.measured, batch.truths, start))


def _ours(state: OperatorState, signals: Signals, batches: np.ndarray, descent: Descent) -> SpeedContestant:
    program, steps = compiled_steps(state, signals, len(batches)), len(batches)
    arguments = jnp.asarray(descent.rate, state.W.dtype), state, signals, jnp.asarray(batches)
    batch = Signals(*(part[batches[0]] for part in signals))
    gradient = np.asarray(untimed(batch_gradient)(state.W, batch))
    # Every timed call takes these same steps again.
    missing = steps - int(np.sum(program(*arguments)[1].taken))
    status = Status.NOT_CERTIFIED if missing else Status.OK
    reason = f"{missing} of the {steps} timed steps were not taken" if missing else ""
    return SpeedContestant(OURS, lambda: program(*arguments), steps, gradient, status, reason)


def _authors(W: Float[Array, "k n"], batch: Signals) -> SpeedContestant:
    if not cvxpy_is_installed():
        return SpeedContestant(AUTHORS, None, status=Status.NOT_INSTALLED, reason=INSTALL)
    matrix, truths, measured = np.asarray(W), *(np.asarray(part) for part in batch)
    try:
        published = PublishedTraining(matrix.shape[1])
        gradient = published.gradient(matrix, measured, truths)
    except Exception as raised:  # other libraries may raise anything
        return SpeedContestant(AUTHORS, None, status=Status.FAILED, reason=failure_of(raised))
    return SpeedContestant(AUTHORS, lambda: published.gradient(matrix, measured, truths), 1, gradient)


def _row(
    stage: str,
    contestant: SpeedContestant,
    timed: dict[str, Samples],
    our_steps: int,
    exact: Float64[np.ndarray, "k n"],
    quick: bool,
) -> SpeedRow:
    samples = timed.get(contestant.name, Samples((), status=contestant.status, reason=contestant.reason))
    step = quartiles([seconds / contestant.steps for seconds in samples.seconds])
    over = ratio(samples, timed[OURS]) if contestant.name == AUTHORS else None
    error = None if contestant.gradient is None else finite(relative_error(contestant.gradient, exact))
    status, reason = _judged(contestant, samples, error)
    return SpeedRow(
        what="speed",
        quick=quick,
        stage=stage,
        contestant=contestant.name,
        status=status.value,
        reason=reason,
        rounds=len(samples.seconds),
        step_seconds=None if step is None else step.median,
        step_seconds_q1=None if step is None else step.q1,
        step_seconds_q3=None if step is None else step.q3,
        ratio=None if over is None else our_steps * over.median,
        ratio_q1=None if over is None else our_steps * over.q1,
        ratio_q3=None if over is None else our_steps * over.q3,
        gradient_error=error,
        versions=cvxpy_versions(),
    )


def _judged(contestant: SpeedContestant, samples: Samples, error: float | None) -> tuple[Status, str]:
    """Return what became of a contestant; ours must have the gradient, theirs is at cvxpy's tolerances."""
    if samples.status is not Status.OK:
        return samples.status, samples.reason
    if contestant.status is Status.OK and contestant.name == OURS and not has_gradient(error):
        told = "no number" if error is None else f"{error:.1e}"
        return Status.NOT_CERTIFIED, f"the error of the gradient is {told}; at most {EXACT:.0e} is asked for"
    return contestant.status, contestant.reason


def has_gradient(error: float | None) -> bool:
    """Tell whether the relative error of a gradient is small enough for one that is called exact."""
    return error is not None and error <= EXACT
