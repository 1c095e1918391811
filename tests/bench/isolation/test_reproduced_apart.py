"""Cases of a reproduction in a process of their own."""

from collections.abc import Iterator

import psutil
import pytest

from hypergrad_bench.bench.distributing import case_task
from hypergrad_bench.bench.isolation.limits import IsolationLimits
from hypergrad_bench.bench.isolation.reproduced_apart import reproduced_apart
from hypergrad_bench.bench.isolation.reproduction_child import ReproductionSetup
from hypergrad_bench.bench.records.reproduced_case import ReproducedCase, reproduced_now
from hypergrad_bench.bench.reproductions import Stress
from hypergrad_bench.bench.reproductions.stress.challenge import Challenge
from hypergrad_bench.bench.reproductions.stress.problems import named
from hypergrad_bench.bench.reproductions.stress.verdict import count_targets

SETUP = ReproductionSetup(entry="Stress", quick=True, device="cpu")
ALWAYS, ONCE = "few steps", "smooth control"


def test_what_ends_the_process_costs_itself_alone() -> None:
    """It is tried once more where others were measured before; the next case is measured as ever."""
    kills = {ALWAYS: 2, ONCE: 1}
    told: list[str] = []

    def begin(name: str) -> None:
        told.append(name)
        if kills[name]:
            kills[name] -= 1
            for one in psutil.Process().children():
                if "reproduction_child" in " ".join(one.cmdline()):
                    one.kill()

    cases = [named(ALWAYS), named(ONCE), named(ONCE)]
    lost, _, measured = reproduced_apart(Stress(), cases, SETUP, IsolationLimits(), begin)
    assert told == [ALWAYS, ONCE, ONCE]
    assert {row["status"] for row in lost.rows} == {"crashed"}
    assert "signal 9 (SIGKILL)" in str(lost.rows[0]["reason"])
    assert [row["method"] for row in lost.rows] == [row["method"] for row in measured.rows]
    assert {row["status"] for row in measured.rows} >= {"ok"}
    # Nothing of it counts, for a rule or against it.
    counted = count_targets([*lost.rows, *measured.rows])
    alone = count_targets(measured.rows)
    assert [(one.met, one.of) for one in counted] == [(one.met, one.of) for one in alone]
    assert sum("lost with their process" in one.left_out for one in counted) >= 2
    problems = Stress().page([*lost.rows, *measured.rows]).sections[1]
    assert [line[-1] == "the process ended" for line in problems.lines] == [True, False]


def test_a_worker_measures_it_apart_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where, as any case of a worker does."""
    asked: list[object] = []

    def apart(entry: Stress, cases: list[Challenge], *rest: object) -> Iterator[ReproducedCase]:
        asked.extend([entry, *cases, rest[0]])
        yield reproduced_now(cases[0].name, [{"status": "crashed"}])

    monkeypatch.setattr(case_task, "reproduced_apart", apart)
    line = case_task.measure_case(Stress(), named(ONCE), SETUP, [])
    assert [type(one) for one in asked] == [Stress, Challenge, ReproductionSetup]
    measured = ReproducedCase.from_line(line.encode())
    assert measured.rows == [{"status": "crashed"}]
    assert set(measured.where) == {"worker", "machine"}
