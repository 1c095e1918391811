"""Cases of a reproduction in a process of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

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
from hypergrad_bench.bench.runs import reproduce
from hypergrad_bench.bench.runs.reproduction_file import reproduction_folder

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
        asked.extend([entry, *cases, *rest[:2]])
        yield reproduced_now(cases[0].name, [{"status": "crashed"}])

    monkeypatch.setattr(case_task, "reproduced_apart", apart)
    line = case_task.measure_case(Stress(), named(ONCE), SETUP, IsolationLimits(seconds=7), [])
    assert [type(one) for one in asked] == [Stress, Challenge, ReproductionSetup, IsolationLimits]
    measured = ReproducedCase.from_line(line.encode())
    assert measured.rows == [{"status": "crashed"}]
    assert set(measured.where) == {"worker", "machine"}


def test_its_limits_are_what_was_asked_for(
    hgb: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """They are recorded, hold for a reproduction that goes on, and are refused where no process has them."""
    seen: list[IsolationLimits] = []

    def apart(
        entry: Stress, cases: list[Challenge], setup: object, limits: IsolationLimits, begin: object
    ) -> Iterator[ReproducedCase]:
        seen.append(limits)
        yield from ()

    monkeypatch.setattr(reproduce, "reproduced_apart", apart)
    given = ("--case-seconds", "90", "--case-memory", "2")
    asked = IsolationLimits(seconds=90, memory_bytes=2**31)
    hgb("reproduce", "stress", "--quick", "--out", "run", *given)
    hgb("reproduce", "--resume", "run")
    assert seen == [asked, asked]
    assert reproduction_folder(Path("run")).about().isolation == asked
    for arguments, said in (
        (("restarts", "--quick", *given), "restarts measures in this process"),
        (("blorc", *given), "none of blorc takes --case-seconds or --case-memory; accepted: stress"),
        (("--resume", "run", *given), "takes its name and options from the folder"),
        (given, "which reproduction?"),
        (("stress", "--case-memory", "inf"), "--case-memory"),
    ):
        capfd.readouterr()
        assert hgb("reproduce", *arguments) == 2
        assert said in " ".join(capfd.readouterr().err.split())
