"""Time every contestant of BLORC's experiment on one problem, in the same rounds, and make its rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ...failure import failure_of
from ...grid.clock_settings import ClockSettings
from ...machine.one_cpu import one_cpu
from ...machine.threads import blas_threads, fix_blas_threads
from ...measure.clock import time_rounds
from ...measure.program import Compiler
from ...measure.samples import Samples, quartiles, ratio
from ...records.status import Status
from ..relative_error import finite, relative_error
from .contestants import ACCURATE, CLOSED_FORM, compiled, our_contestants
from .peers import INSTALL, PEERS, TOLERANCES, installed, peer_versions
from .problem import ExactGradient, Signal, draw_signal, exact_gradient
from .rows import SignalSetting, TimedRow, Times, TimingOutcome

FULL = ClockSettings(rounds_min=7, rounds_max=200, seconds=20.0, limit_seconds=60.0, sample_seconds=5e-3)
QUICK = ClockSettings(rounds_min=2, rounds_max=3, seconds=0.2, warmup=1, limit_seconds=10.0)


@dataclass(frozen=True)
class TimedContestant:
    """A contestant that is ready to be timed, or the reason why it is not.

    Attributes:
        name: with several settings it occurs several times.
        error: of its gradient, relative; None where it has none, or one that is not finite.
        solve: names of equal programs are equal, so that a forward solve that many share is timed once.
    """

    name: str
    setting: str
    status: str = Status.OK.value
    reason: str = ""
    solve: tuple[str, Callable[[], Any]] | None = None
    total: tuple[str, Callable[[], Any]] | None = None
    error: float | None = None


class Timed(NamedTuple):
    """The samples of one contestant."""

    solve: Samples
    total: Samples


def measure_length(n: int, quick: bool) -> list[TimedRow]:
    """Return one row per contestant and setting, for signals of length n."""
    fix_blas_threads()
    signal = draw_signal(n)
    reference = exact_gradient(signal)
    with one_cpu() as cpu:
        contestants = [*_ours(signal, reference), *_peers(signal, reference)]
        timed = time_rounds(_calls(contestants), QUICK if quick else FULL)
    setting: SignalSetting = {
        "n": n,
        "active_rows": int(reference.active.sum()),
        "one_cpu": cpu is not None,
        "blas_threads": blas_threads(),
        "quick": quick,
        "peer_versions": dict(peer_versions()),
    }
    ours = _samples(contestants[0], timed)
    return [_row(setting, one, _samples(one, timed), ours) for one in contestants]


def _ours(signal: Signal, reference: ExactGradient) -> list[TimedContestant]:
    compiler = Compiler()
    found = []
    for contestant in our_contestants(signal, reference):
        solve, total = compiled(contestant, signal, compiler)
        gradient = np.asarray(total(signal)[1])
        found.append(
            TimedContestant(
                contestant.name,
                contestant.setting,
                solve=(solve.identity, lambda program=solve: program(signal)),
                total=(total.identity, lambda program=total: program(signal)),
                error=finite(relative_error(gradient, reference.gradient)),
            )
        )
    return found


def _peers(signal: Signal, reference: ExactGradient) -> list[TimedContestant]:
    """Return each peer at its default tolerance, and at the loosest one that is accurate if that is not."""
    found = []
    for name, (module, _) in PEERS.items():
        if not installed(module):
            found.append(TimedContestant(name, "", Status.NOT_INSTALLED.value, INSTALL))
            continue
        tried = []
        for tolerance in TOLERANCES:
            tried.append(_tried(name, tolerance, signal, reference))
            if tried[-1].error is not None and tried[-1].error <= ACCURATE:
                break
        best = min(tried, key=lambda one: np.inf if one.error is None else one.error)
        found += tried[:1] if best is tried[0] else [tried[0], best]
    return found


def _tried(name: str, tolerance: float | None, signal: Signal, reference: ExactGradient) -> TimedContestant:
    setting = "default tolerances" if tolerance is None else f"tolerance {tolerance:g}"
    contestant = TimedContestant(name, setting)
    try:
        peer = PEERS[name][1](signal, tolerance)
        error = finite(relative_error(peer.gradient(), reference.gradient))
    except Exception as raised:  # other libraries may raise anything
        return replace(contestant, status=Status.FAILED.value, reason=failure_of(raised))
    label = f"{name}, {setting}"
    calls = (f"{label}: solve", peer.solve), (f"{label}: total", peer.gradient)
    return replace(contestant, solve=calls[0], total=calls[1], error=error)


def _calls(contestants: list[TimedContestant]) -> dict[str, Callable[[], Any]]:
    return dict(part for one in contestants for part in (one.solve, one.total) if part is not None)


def _samples(contestant: TimedContestant, timed: dict[str, Samples]) -> Timed | None:
    if contestant.solve is None or contestant.total is None:
        return None
    return Timed(timed[contestant.solve[0]], timed[contestant.total[0]])


def _row(
    setting: SignalSetting, contestant: TimedContestant, timed: Timed | None, ours: Timed | None
) -> TimedRow:
    """Return a contestant's row; `ours` are the closed form's samples."""
    if timed is not None and contestant.error is None:
        reason = "the hypergradient is not finite"
        contestant = replace(contestant, status=Status.NOT_FINITE.value, reason=reason)
    outcome: TimingOutcome = {
        "contestant": contestant.name,
        "setting": contestant.setting,
        "status": contestant.status,
        "reason": contestant.reason,
        "relative_error": contestant.error,
        "equal_accuracy": contestant.error is not None and contestant.error <= ACCURATE,
    }
    if timed is None or ours is None:
        return {**setting, **outcome}
    late = next((one for one in timed if one.status is not Status.OK), None)
    if late is not None:
        return {**setting, **outcome, "status": late.status.value, "reason": late.reason}
    return {**setting, **outcome, **_times(timed, None if contestant.name == CLOSED_FORM else ours)}


def _times(timed: Timed, ours: Timed | None) -> Times:
    """Return medians and quartiles, with the ratio to the closed form for all but itself."""
    solve, total = timed
    rounds = zip(total.seconds, solve.seconds, strict=False)
    alone, both, backward = (
        solve.quartiles,
        total.quartiles,
        quartiles([together - forward for together, forward in rounds]),
    )
    assert alone is not None
    assert both is not None
    assert backward is not None
    times: Times = {
        "rounds": min(len(solve.seconds), len(total.seconds)),
        "solve_seconds": alone.median,
        "solve_seconds_q1": alone.q1,
        "solve_seconds_q3": alone.q3,
        "backward_seconds": backward.median,
        "backward_seconds_q1": backward.q1,
        "backward_seconds_q3": backward.q3,
        "total_seconds": both.median,
        "total_seconds_q1": both.q1,
        "total_seconds_q3": both.q3,
    }
    over = None if ours is None else ratio(total, ours.total)
    if over is not None:
        times |= {"total_ratio": over.median, "total_ratio_q1": over.q1, "total_ratio_q3": over.q3}
    return times
