"""Cases that end, block or fill their process cost themselves alone."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_records import measured

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.commands import run as run_command
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.case import Case, Contestant, Instance
from hypergrad_bench.bench.grid.expand import expand
from hypergrad_bench.bench.grid.request import request_of
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.grid.suites import SUITES
from hypergrad_bench.bench.grid.timing import Timing
from hypergrad_bench.bench.isolation import isolated
from hypergrad_bench.bench.isolation.child import Setup
from hypergrad_bench.bench.isolation.isolated import IsolatedBench
from hypergrad_bench.bench.isolation.limits import LONGEST, Death, IsolationLimits, limits_asked_for
from hypergrad_bench.bench.isolation.listed_run import ListedRun
from hypergrad_bench.bench.isolation.watched import WatchedChild
from hypergrad_bench.bench.measure.workbench import Context, Workbench
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status
from hypergrad_bench.bench.runs.run_file import run_folder
from hypergrad_bench.hypergrad import ClosedForm, OneStep, Piggyback, Unrolled
from hypergrad_bench.problems import AnalysisL1, Denoising, PiecewiseConstant
from hypergrad_bench.solvers import Budget, DualFista

INSTANCE = Instance(Denoising(), AnalysisL1, None, PiecewiseConstant(), (8,), 1, "float64", 0)
A, B, C, D = (
    Case(INSTANCE, Contestant(DualFista(), Budget(9), method))
    for method in (ClosedForm(), OneStep(), Piggyback(), Unrolled())
)
TIMING = Timing.of(SUITES["smoke"], 1)
SETUP = Setup(selection=Selection(), timing=TIMING, command=["hgb"], device="cpu")
Script = Callable[[Sequence[str]], Death | None]


def crash(case: Case | None, status: Status = Status.CRASHED, timing: bool = False) -> Death:
    return Death(status, "signal 11", case and case.id, timing)


def ids_of(group: Sequence[Case]) -> list[str]:
    return [case.id for case in group]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[Record], list[list[str]]]]:
    """Measure A, B, C and D with children that die as a script says; return records and attempts."""

    def run(
        script: Script, groups: Sequence[Sequence[Case]] = ((A, B, C, D),)
    ) -> tuple[list[Record], list[list[str]]]:
        attempts: list[list[str]] = []

        class Scripted:
            death: Death | None = None

            def __init__(self, setup: Setup, limits: IsolationLimits) -> None:
                pass

            def start(self) -> None:
                pass

            def close(self) -> None:
                pass

            def measure(self, ids: Sequence[str], begin: Callable[[str], None]) -> Iterator[str]:
                begin("something")
                attempts.append(list(ids))
                self.death = script(ids)
                if self.death is None:
                    yield from (measured(id=one).to_line() for one in ids)

        monkeypatch.setattr(isolated, "WatchedChild", Scripted)
        bench = Workbench(Context(SUITES["smoke"], TIMING.clock, {}, ["hgb"]))
        listed = ListedRun(bench, groups)
        made = IsolatedBench(lambda: listed, SETUP, IsolationLimits())
        found = [one for group in groups for one in made.measure(ids_of(group), lambda label: None)]
        return found, attempts

    return run


def statuses(records: list[Record]) -> dict[str, str]:
    assert len({record.id for record in records}) == len(records)
    return {record.id: record.status.value for record in records}


def test_who_crashes_alone_too_is_left_out_and_the_others_are_measured_together(scripted) -> None:
    """The evidence is the reason."""
    records, attempts = scripted(lambda ids: crash(B) if B.id in ids else None)
    assert statuses(records) == {A.id: "ok", B.id: "crashed", C.id: "ok", D.id: "ok"}
    assert attempts == [[A.id, B.id, C.id, D.id], [B.id], [A.id, C.id, D.id]]
    assert next(record for record in records if record.id == B.id).reason == "signal 11"


def test_who_is_silent_or_too_large_alone_too_is_left_out(scripted) -> None:
    records, attempts = scripted(
        lambda ids: (
            crash(C, Status.TIMED_OUT)
            if C.id in ids
            else crash(A, Status.OUT_OF_MEMORY)
            if A.id in ids
            else None
        )
    )
    assert statuses(records) == {A.id: "out_of_memory", B.id: "ok", C.id: "timed_out", D.id: "ok"}
    assert attempts == [[A.id, B.id, C.id, D.id], [C.id], [A.id, B.id, D.id], [A.id], [B.id, D.id]]


def test_who_is_named_and_does_not_crash_alone_is_not_blamed(scripted) -> None:
    """A program that is compiled beside others can end the process while another one is named."""
    records, attempts = scripted(lambda ids: crash(A if A.id in ids else D) if D.id in ids else None)
    assert statuses(records) == {A.id: "ok", B.id: "ok", C.id: "ok", D.id: "crashed"}
    assert attempts[-1] == [A.id, B.id, C.id]


def test_who_is_alone_is_not_tried_again(scripted) -> None:
    """A case without company has nobody else to blame."""
    records, attempts = scripted(lambda ids: crash(next(case for case in (A, B, C, D) if case.id in ids)))
    assert set(statuses(records).values()) == {"crashed"}
    assert [len(ids) for ids in attempts] == [4, 1, 3, 1, 2, 1, 1]


def test_a_crash_while_all_are_timed_is_traced_to_one(scripted) -> None:
    records, attempts = scripted(lambda ids: crash(None, timing=True) if B.id in ids else None)
    assert statuses(records) == {A.id: "ok", B.id: "crashed", C.id: "ok", D.id: "ok"}
    assert attempts[1:] == [[A.id], [B.id], [C.id], [D.id], [A.id, C.id, D.id]]


def test_a_crash_of_what_all_share_is_that_of_all(scripted) -> None:
    """Inputs or the reference: two cases are tried, not all."""
    records, attempts = scripted(lambda ids: crash(None))
    assert set(statuses(records).values()) == {"crashed"}
    assert len(attempts) == 3


def test_a_crash_beside_the_reference_is_traced_to_one(scripted) -> None:
    """Programs are compiled while the reference is named."""
    records, _ = scripted(lambda ids: crash(None) if B.id in ids else None)
    assert statuses(records) == {A.id: "ok", B.id: "crashed", C.id: "ok", D.id: "ok"}
    records, _ = scripted(lambda ids: crash(None) if A.id in ids else None)
    assert statuses(records) == {A.id: "crashed", B.id: "ok", C.id: "ok", D.id: "ok"}


def test_cases_that_do_not_end_well_together_keep_what_they_did_alone(scripted) -> None:
    """Such as a group whose timing takes longer than one thing may; the reason says so."""
    records, _ = scripted(lambda ids: crash(None, Status.TIMED_OUT, timing=True) if len(ids) > 1 else None)
    assert set(statuses(records).values()) == {"ok"}
    assert {record.total_seconds for record in records} == {None}
    assert all("measured alone and not timed" in record.reason for record in records)


def test_who_comes_after_others_is_tried_in_a_process_of_its_own(scripted) -> None:
    """What earlier groups left behind is not its fault, though it is alone in its group."""
    records, attempts = scripted(
        lambda ids: crash(A, Status.OUT_OF_MEMORY) if len(ids) == 1 else None, [[B, C], [A]]
    )
    assert statuses(records) == {A.id: "out_of_memory", B.id: "ok", C.id: "ok"}
    assert attempts == [[B.id, C.id], [A.id], [A.id]]


def test_limits_need_isolation_and_plugins_and_workers_have_it() -> None:
    assert limits_asked_for(None, None, None) is None
    assert limits_asked_for(None, None, None, resumed=True) is None
    assert limits_asked_for(False, None, None, plugins=True) is None
    assert limits_asked_for(None, None, None, plugins=True) == IsolationLimits(seconds=LONGEST)
    assert limits_asked_for(None, None, None, workers=True) == IsolationLimits(seconds=LONGEST)
    assert limits_asked_for(True, 5.0, 0.5) == IsolationLimits(seconds=5, memory_bytes=2**29)
    with pytest.raises(UserError, match="--case-memory must be a finite number; got inf"):
        limits_asked_for(True, None, float("inf"))
    with pytest.raises(UserError, match="give --isolate"):
        limits_asked_for(None, 5.0, None)


@pytest.mark.parametrize(("given", "expected"), [((), True), (("--no-isolate",), False)])
def test_a_plugin_is_isolated_unless_that_is_refused(
    hgb: Callable[..., int], monkeypatch: pytest.MonkeyPatch, given: tuple[str, ...], expected: bool
) -> None:
    """From the options as they are typed; nothing is measured."""
    seen: list[IsolationLimits | None] = []
    monkeypatch.setattr(run_command, "run_suite", lambda *arguments: seen.append(arguments[5]))
    assert hgb("run", "--plugin", "plugin.py", *given) == 0
    assert [limits is not None for limits in seen] == [expected]


PLUGIN = """
import os, signal, sys, time
import numpy as np
from hypergrad_bench.hypergrad import MethodTraits, OneStep
from hypergrad_bench.problems import configuration

def silent():
    time.sleep(600)

def large():
    kept = []
    while True:
        kept.append(np.ones(5_000_000))

def leaves():
    print("good-bye", file=sys.stderr, flush=True)
    os._exit(7)

def ended():
    os.kill(os.getpid(), signal.SIGKILL)

def raises():
    raise RuntimeError("in vain")

def method(act):
    class Made(OneStep):
        def __call__(self, solver, budget, lower, start=None):
            act()
            return super().__call__(solver, budget, lower, start)
    Made.__name__ = Made.__qualname__ = act.__name__.capitalize()
    return configuration(Made)

Silent, Large, Leaves, Ended, Raises = map(method, (silent, large, leaves, ended, raises))
"""


def test_every_way_to_end_costs_its_own_case_alone(
    hgb: Callable[..., int], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Real processes: large, gone, killed, raising; the one that is right is measured and timed."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    methods = ("large", "leaves", "ended", "raises", "one-step")
    chosen = [part for method in methods for part in ("--method", method)]
    problem = ("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8")
    small = (*problem, "--solver", "dual-fista", "--batch", "1", "--rounds", "1", "--out", "run")
    limits = ("--plugin", "plugin.py", "--case-memory", "1.5")
    assert hgb("run", *small, *chosen, *limits) == 0
    folder = run_folder(Path("run"))
    records = {record.method.removesuffix("()"): record for record in folder.journal.read().entries}
    assert {name: record.status.value for name, record in records.items()} == {
        "Large": "out_of_memory",
        "Leaves": "crashed",
        "Ended": "crashed",
        "Raises": "failed",
        "OneStep": "ok",
    }
    reasons = {name: record.reason for name, record in records.items()}
    assert "ended itself with status 7, at: compiling: leaves" in reasons["Leaves"]
    assert reasons["Leaves"].endswith("its last lines:\ngood-bye")
    assert "signal 9 (SIGKILL), at: compiling: ended" in reasons["Ended"]
    assert "at most 1.50 GiB are accepted" in reasons["Large"]
    assert reasons["Raises"] == "RuntimeError: in vain"
    assert records["OneStep"].total_seconds is not None
    assert records["OneStep"].environment["isolated"] is True
    assert folder.about().isolation == IsolationLimits(memory_bytes=3 * 2**29)


def test_who_never_returns_has_timed_out(hgb: Callable[..., int], tmp_path: Path) -> None:
    """The start of the process does not count; the limit holds for a run that goes on."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    problem = ("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8")
    small = (*problem, "--solver", "dual-fista", "--batch", "1", "--rounds", "1", "--out", "run")
    one = ("--plugin", "plugin.py", "--method", "silent")
    assert hgb("run", *small, *one, "--case-seconds", "15") == 0
    folder = run_folder(Path("run"))
    (record,) = folder.journal.read().entries
    assert record.status is Status.TIMED_OUT
    assert record.reason.startswith("the process was at one thing for more than 15 s, at: compiling: silent")
    assert folder.about().isolation == IsolationLimits(seconds=15)


FORKING = """
import os, sys, time
from hypergrad_bench.hypergrad import OneStep
from hypergrad_bench.problems import configuration

@configuration
class Forking(OneStep):
    def __call__(self, solver, budget, lower, start=None):
        if not (left := os.fork()):
            os.setsid()
            time.sleep(600)
            os._exit(0)
        open("left", "w").write(str(left))
        os._exit(7)
"""


def test_a_process_that_leaves_others_behind_is_seen_to_end(hgb: Callable[..., int], tmp_path: Path) -> None:
    """They hold its pipe open, outside of its session."""
    (tmp_path / "plugin.py").write_text(FORKING)
    problem = ("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8")
    small = (*problem, "--solver", "dual-fista", "--batch", "1", "--rounds", "1", "--out", "run")
    assert hgb("run", *small, "--plugin", "plugin.py", "--method", "forking") == 0
    os.kill(int(Path("left").read_text()), signal.SIGKILL)  # it is still there: nobody waited for it
    (record,) = run_folder(Path("run")).journal.read().entries
    assert record.status is Status.CRASHED
    assert "ended itself with status 7" in record.reason


def test_options_of_isolation_that_would_do_nothing_are_refused(
    hgb: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    """A resumed run is isolated as it was, and workers always are."""
    for options, said in (
        (("--resume", "run", "--isolate"), "a run that is resumed is isolated as it was"),
        (("--resume", "run", "--case-seconds", "5"), "a run that is resumed is isolated as it was"),
        (("--workers", "1", "--no-isolate"), "leave out --no-isolate"),
    ):
        assert hgb("run", *options) == 2
        assert said in " ".join(capfd.readouterr().err.split())


def test_what_a_child_refuses_is_said(hgb: Callable[..., int], capfd: pytest.CaptureFixture[str]) -> None:
    """A folder of arrays that cannot be written ends the run with its sentence, not as somebody's crash."""
    Path("run").mkdir()
    problem = ("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8")
    one = ("--solver", "dual-fista", "--method", "one-step", "--batch", "1", "--rounds", "1", "--out", "run")
    small = (*problem, *one, "--save-arrays", "--isolate")
    original = isolated.WatchedChild.start

    def start(child: isolated.WatchedChild) -> None:
        Path("run/arrays").write_text("a file in the place of the folder")
        original(child)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolated.WatchedChild, "start", start)
        assert hgb("run", *small) == 2
    assert "run/arrays" in capfd.readouterr().err


def test_a_gpu_weighs_each_program_in_a_process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for all seeds, nothing that failed, and without a figure where that process dies."""
    weighed: list[str] = []

    class Scripted:
        death: Death | None = None

        def __init__(self, setup: Setup, limits: IsolationLimits, program: str = "child") -> None:
            self._program = program

        def start(self) -> None: ...
        def close(self) -> None: ...

        def measure(self, ids: Sequence[str], begin: Callable[[str], None]) -> Iterator[str]:
            if self._program == "weighing_child":
                (one,) = ids
                weighed.append(one)
                self.death = crash(D) if one == D.id else None
                yield from [] if one == D.id else ["4096"]
            else:
                failed = {B.id: Status.FAILED}
                yield from (measured(id=one, status=failed.get(one, Status.OK)).to_line() for one in ids)

    monkeypatch.setattr(isolated, "WatchedChild", Scripted)
    bench = Workbench(Context(SUITES["smoke"], TIMING.clock, {}, ["hgb"]))
    again = tuple(Case(replace(INSTANCE, seed=1), one.contestant) for one in (A, B, D))
    listed = ListedRun(bench, ((A, B, D), again))
    made = IsolatedBench(lambda: listed, SETUP.model_copy(update={"device": "cuda"}), IsolationLimits())
    groups = (ids_of((A, B, D)), ids_of(again))
    peaks = [[one.peak_bytes for one in made.measure(ids, print)] for ids in groups]
    assert peaks == [[4096, None, None], [4096, 4096, None]]
    assert weighed == [A.id, D.id, again[1].id]


def test_memory_alone_is_that_of_a_process_that_measures_all() -> None:
    """On a CPU, where both can be measured: the loop of one step is known to the compiler whole."""
    selection = Selection(
        suite="smoke",
        tasks=("denoising",),
        regularizers=("analysis-l1",),
        sizes=("64",),
        batch=2,
        methods=("unrolled",),
        solvers=("dual-fista",),
        seeds=1,
        dtypes=("float64",),
        max_steps=8000,
    )
    (group,) = expand(request_of(selection, built_in())).groups
    setup = SETUP.model_copy(update={"selection": selection})
    found = []
    for program in ("child", "weighing_child"):
        child = WatchedChild(setup, IsolationLimits(), program)
        child.start()
        found += list(child.measure([group[0].id], lambda label: None))
        child.close()
    record = Record.from_line(found[0])
    assert record.memory_bytes is not None
    if record.peak_bytes is None:
        pytest.skip("this system does not tell the peak of a process's memory")
    assert record.peak_bytes > 2**24
    assert int(found[1]) == pytest.approx(record.peak_bytes, rel=0.25)
    assert int(found[1]) == pytest.approx(record.memory_bytes, rel=0.5)
