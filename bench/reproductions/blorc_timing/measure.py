"""Time every contestant of BLORC's experiment on one problem, in the same rounds, and make its rows."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...failure import failure_of
from ...grid.clock_settings import ClockSettings
from ...machine.one_cpu import one_cpu
from ...machine.threads import blas_threads, fix_blas_threads
from ...measure.clock import time_rounds
from ...measure.program import Compiler
from ...measure.samples import Quartiles, Samples, quartiles, ratio
from ...records.status import Status
from ..reproduction import Row
from .contestants import ACCURATE, CLOSED_FORM, compiled, our_contestants
from .peers import INSTALL, PEERS, TOLERANCES, installed, peer_versions
from .problem import Problem, Reference, make_problem, reference_of, relative_error

FULL = ClockSettings(rounds_min=7, rounds_max=200, seconds=20.0, limit_seconds=60.0, sample_seconds=5e-3)
QUICK = ClockSettings(rounds_min=2, rounds_max=3, seconds=0.2, warmup=1, limit_seconds=10.0)


@dataclass(frozen=True)
class Entrant:
    """A contestant that is ready to be timed, or the reason why it is not.

    Attributes:
        name: of the contestant; with several settings it occurs several times.
        solve: names of equal programs are equal, so that a forward solve that many share is timed once.
    """

    name: str
    setting: str
    status: str = Status.OK.value
    reason: str = ""
    solve: tuple[str, Callable[[], Any]] | None = None
    total: tuple[str, Callable[[], Any]] | None = None
    error: float | None = None


def measure_size(n: int, quick: bool) -> list[Row]:
    """Return one row a contestant and setting, for signals of length n."""
    fix_blas_threads()
    problem = make_problem(n)
    reference = reference_of(problem)
    with one_cpu() as cpu:
        entrants = [*_ours(problem, reference), *_peers(problem, reference)]
        timed = time_rounds(_calls(entrants), QUICK if quick else FULL)
    setting: Row = {
        "n": n,
        "active_rows": int(reference.active.sum()),
        "one_cpu": cpu is not None,
        "blas_threads": blas_threads(),
        "quick": quick,
        "peer_versions": dict(peer_versions()),
    }
    ours = _samples(entrants[0], timed)
    return [setting | _row(entrant, _samples(entrant, timed), ours) for entrant in entrants]


def _ours(problem: Problem, reference: Reference) -> list[Entrant]:
    compiler = Compiler()
    found = []
    for contestant in our_contestants(problem, reference):
        solve, total = compiled(contestant, problem, compiler)
        gradient = np.asarray(total(problem)[1])
        found.append(
            Entrant(
                contestant.name,
                contestant.setting,
                solve=(solve.identity, lambda program=solve: program(problem)),
                total=(total.identity, lambda program=total: program(problem)),
                error=relative_error(gradient, reference.gradient),
            )
        )
    return found


def _peers(problem: Problem, reference: Reference) -> list[Entrant]:
    """Return each peer at its default tolerance, and at the loosest one that is accurate if that is not."""
    found = []
    for name, (module, _) in PEERS.items():
        if not installed(module):
            found.append(Entrant(name, "", Status.NOT_INSTALLED.value, INSTALL))
            continue
        tried = []
        for tolerance in TOLERANCES:
            tried.append(_tried(name, tolerance, problem, reference))
            if tried[-1].error is not None and tried[-1].error <= ACCURATE:
                break
        best = min(tried, key=lambda one: np.inf if one.error is None else one.error)
        found += tried[:1] if best is tried[0] else [tried[0], best]
    return found


def _tried(name: str, tolerance: float | None, problem: Problem, reference: Reference) -> Entrant:
    setting = "default tolerances" if tolerance is None else f"tolerance {tolerance:g}"
    entrant = Entrant(name, setting)
    try:
        peer = PEERS[name][1](problem, tolerance)
        error = relative_error(peer.gradient(), reference.gradient)
    except Exception as raised:  # other libraries may raise anything
        return replace(entrant, status=Status.FAILED.value, reason=failure_of(raised))
    label = f"{name}, {setting}"
    calls = (f"{label}: solve", peer.solve), (f"{label}: total", peer.gradient)
    return replace(entrant, solve=calls[0], total=calls[1], error=error)


def _calls(entrants: list[Entrant]) -> dict[str, Callable[[], Any]]:
    return dict(part for one in entrants for part in (one.solve, one.total) if part is not None)


def _samples(entrant: Entrant, timed: dict[str, Samples]) -> tuple[Samples, Samples] | None:
    if entrant.solve is None or entrant.total is None:
        return None
    return timed[entrant.solve[0]], timed[entrant.total[0]]


def _row(
    entrant: Entrant, samples: tuple[Samples, Samples] | None, ours: tuple[Samples, Samples] | None
) -> Row:
    if entrant.error is not None and not np.isfinite(entrant.error):
        reason = "the hypergradient is not finite"
        entrant = replace(entrant, status=Status.NOT_FINITE.value, reason=reason, error=None)
    row: Row = {
        "contestant": entrant.name,
        "setting": entrant.setting,
        "status": entrant.status,
        "reason": entrant.reason,
        "relative_error": entrant.error,
        "equal_accuracy": entrant.error is not None and entrant.error <= ACCURATE,
    }
    if samples is None or ours is None:
        return row
    solve, total = samples
    worse = next((one for one in samples if one.status is not Status.OK), None)
    if worse is not None:
        return row | {"status": worse.status.value, "reason": worse.reason}
    backward = quartiles([both - alone for both, alone in zip(total.seconds, solve.seconds, strict=False)])
    return (
        row
        | {"rounds": min(len(solve.seconds), len(total.seconds))}
        | _named("solve_seconds", solve.quartiles)
        | _named("backward_seconds", backward)
        | _named("total_seconds", total.quartiles)
        | (_named("total_ratio", ratio(total, ours[1])) if entrant.name != CLOSED_FORM else {})
    )


def _named(name: str, found: Quartiles | None) -> Row:
    if found is None:
        return {}
    return {name: found.median, f"{name}_q1": found.q1, f"{name}_q3": found.q3}
