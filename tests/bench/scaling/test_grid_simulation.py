"""A grid whose workers sleep: every case once, in its own words, through the code that a run uses."""

import json
from pathlib import Path

import pytest

from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.records.journal import Journal
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.runs.run import Plan, plan_again, plan_run
from hypergrad_bench.bench.runs.run_file import run_folder
from hypergrad_bench.bench.scaling import simulated_grid
from hypergrad_bench.bench.scaling.simulated_grid import AskedRun, AskedSimulation, simulate
from hypergrad_bench.bench.scaling.simulation_file import (
    JournalStage,
    PageStage,
    Simulated,
    SleepingRun,
    TimedStage,
    read_simulation,
)
from hypergrad_bench.bench.scaling.sleeping_client import (
    Sleepers,
    SleepingAnswer,
    SleepingClient,
    emptied,
    filled,
    sleeping_cluster,
)

TEMPLATE = Path(__file__).resolve().parents[3] / "results" / "default-cpu" / "records.jsonl"
ASKED = Selection(
    tasks=("denoising",), regularizers=("fields-of-experts",), sizes=("32x32",), dtypes=("float64",), seeds=3
)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return plan_run(ASKED, tmp_path_factory.mktemp("grid") / "run")


def test_a_sleeping_grid_is_recorded_case_by_case(
    planned: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole and in part; each record is that of the same contestant at seed 0, with its own id and seed.

    The commands that show it are left out: other tests run them.
    """
    typed: list[tuple[str, ...]] = []

    def command(*arguments: str) -> TimedStage:
        typed.append(arguments)
        return TimedStage(seconds=1.0, peak_bytes=None)

    monkeypatch.setattr(simulated_grid, "plan_run", lambda selection, folder: Plan(folder, *planned_parts))
    planned_parts = planned.request, planned.groups
    monkeypatch.setattr(simulated_grid, "_command", command)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.html").write_text("page")
    short = AskedRun(Sleepers(1, 4), 1, 0.01)
    asked = AskedSimulation(ASKED, TEMPLATE, AskedRun(Sleepers(1, 4), 99, 0.0), (short,))
    found = simulate(asked, tmp_path, ["typed"])
    recorded = run_folder(tmp_path / "run").journal.read()
    assert recorded.bad_lines == ()
    assert {one.id for one in recorded.entries} == planned.ids
    assert [run.records for run in found.runs] == [planned.cases, len(planned.groups[0])]
    assert found.journal.records == found.cases == planned.cases
    assert found.journal.appends == len(planned.groups) == 3
    originals = {
        (one.method, one.max_steps, one.solver): one
        for one in Journal(TEMPLATE, Record).read().entries
        if (one.task, one.regularizer, one.size, one.dtype, one.seed)
        == ("denoising", "fields-of-experts", "32x32", "float64", 0)
    }
    for one in recorded.entries:
        original = originals[one.method, one.max_steps, one.solver]
        assert one == original.model_copy(update={"id": one.id, "seed": one.seed})
    assert {one.seed for one in recorded.entries} == {0, 1, 2}
    assert plan_again(tmp_path / "run").cases == planned.cases
    assert [one[0] for one in typed] == ["table", "report", "run"]
    assert "handed out: denoising" in capsys.readouterr().err


def test_what_is_handed_out_is_told_the_slots_and_sleeps_in_place_of_measuring() -> None:
    """The harness sees as many workers as there are slots; its arguments go along."""

    class Client:
        status = "running"

        def nthreads(self) -> dict[str, int]:
            return {"one": 1, "two": 1}

        def submit(self, *given: object, **settings: object) -> tuple:
            return given, settings

    answers = {"a": SleepingAnswer(0, "a", 5)}
    client = SleepingClient(Client(), 7, answers, 2.5)
    assert client.status == "running"
    assert len(client.nthreads()) == 7
    given, settings = client.submit(print, "setup", "limits", [], ["a"], pure=False, retries=0)
    assert given[1:] == (2.5, [(0, "a", 5)], "setup", "limits", [], ["a"])
    assert settings == {"pure": False, "retries": 0}
    _, settings = client.submit(print, ["a"], workers=["slot 5"], allow_other_workers=True)
    assert settings == {"workers": ["two"], "allow_other_workers": True}
    client.run(print, on_error="ignore")


def test_a_template_is_filled_with_a_case_s_own() -> None:
    record = Journal(TEMPLATE, Record).read().entries[0]
    line = filled(emptied(record), "0123456789ab", 41)
    assert Record.from_line(line) == record.model_copy(update={"id": "0123456789ab", "seed": 41})


def test_another_grid_and_a_crooked_cluster_are_refused(planned: Plan, tmp_path: Path) -> None:
    with Journal(tmp_path / "records.jsonl", Record).writer():
        pass
    ids = [[case.id for case in group] for group in planned.groups]
    with pytest.raises(UserError, match="has no record"):
        simulated_grid._grid_of(planned, ids, tmp_path / "records.jsonl")
    with (
        pytest.raises(UserError, match="slots must be a multiple of workers, both at least 1; got 3 and 2"),
        sleeping_cluster(Sleepers(2, 3), []),
    ):
        pass


def test_a_command_is_weighed_and_a_failing_one_says_why() -> None:
    stage = simulated_grid._command("--help")
    assert stage.seconds > 0
    assert stage.peak_bytes is not None
    assert 10 * 2**20 < stage.peak_bytes < 2**30
    with pytest.raises(UserError, match="hgb nonsense ended with 2"):
        simulated_grid._command("nonsense")


def test_a_simulation_is_read_as_it_was_written_or_refused(tmp_path: Path) -> None:
    stage = TimedStage(seconds=1.0, peak_bytes=2)
    found = Simulated(
        command=["typed"],
        created="2026-01-01T00:00:00+00:00",
        environment={},
        cases=2,
        groups=1,
        planning=stage,
        listing=stage,
        journal=JournalStage(records=2, appends=1, seconds=1.0, journal_bytes=3),
        runs=[
            SleepingRun(
                slots=1, workers=1, sleep_seconds=0.0, groups=1, records=2, seconds=1.0, peak_bytes=None
            )
        ],
        table=stage,
        report=PageStage(seconds=1.0, peak_bytes=2, page_bytes=3, records=2),
        resume=stage,
    )
    assert read_simulation(tmp_path) is None
    (tmp_path / "simulation.json").write_text(json.dumps(found.model_dump(mode="json")))
    assert read_simulation(tmp_path) == found
    (tmp_path / "simulation.json").write_text("{}")
    with pytest.raises(UserError, match="without the required field"):
        read_simulation(tmp_path)
