"""What was recorded by earlier versions is shown, gone on with, measured again and advised from as ever."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from hypergrad_bench.bench.commands import reproduce as reproduce_command
from hypergrad_bench.bench.commands import run as run_command
from hypergrad_bench.bench.grid.case import Case
from hypergrad_bench.bench.measure.workbench import Context, MeasuredRecord, Workbench
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.runs.reproduce import RunningReproduction, reproduction_named
from hypergrad_bench.bench.runs.reproduction_file import reproduction_folder
from hypergrad_bench.bench.runs.run_file import run_folder

Hgb = Callable[..., int]
RESULTS = Path(__file__).resolve().parents[3] / "results"
RUNS = sorted(path.parent.name for path in RESULTS.glob("*/run.json"))
REPRODUCTIONS = sorted(path.parent.name for path in RESULTS.glob("*/reproduction.json"))
LARGE = {"default-cpu", "frontier-cpu", "peers-cpu", "stress-cpu"}
ALL = [
    pytest.param(name, marks=pytest.mark.slow if name in LARGE else ()) for name in [*RUNS, *REPRODUCTIONS]
]
OF_USERS_IMAGES = {"untied-training-cpu"}
"""Recorded with a folder of images that is not here."""
OTHER_GRID = {"frontier-cpu"}
"""Its suite has other cases in this version: to go on would mix two grids in one folder."""


def copied(name: str, tmp_path: Path) -> Path:
    """A copy of what was recorded, without pages and figures."""
    folder = tmp_path / name
    folder.mkdir()
    for path in (RESULTS / name).iterdir():
        if path.suffix in (".json", ".jsonl"):
            shutil.copy(path, folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[Context]:
    """Measure nothing: of each case the record that there is; return the contexts that were asked for."""
    noted: list[Context] = []
    records = {one.id: one for name in RUNS for one in run_folder(RESULTS / name).journal.read().entries}

    def measure(self: Workbench, group: Sequence[Case], begin: Any = None) -> Iterator[MeasuredRecord]:
        noted.append(self.context)
        for case in group:
            yield MeasuredRecord(records[case.id], {})

    monkeypatch.setattr(Workbench, "measure", measure)
    monkeypatch.setattr(run_command, "write_figures", lambda report, folder: [])
    monkeypatch.setattr(reproduce_command, "write_page_of", lambda folder, page: None)
    return noted


@pytest.mark.parametrize("name", ALL)
def test_a_recorded_folder_is_shown_in_every_form_and_left_alone(
    name: str, hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--no-write` writes nothing; CSV and Markdown are what they are called."""
    folder = copied(name, tmp_path)
    before = contents(folder)
    for form, beginning in (("csv", ("task,", "table,")), ("md", "# ")):
        assert hgb("table", str(folder), "--no-write", "--format", form) == 0
        assert capsys.readouterr().out.startswith(beginning)
    assert hgb("table", str(folder), "--no-write") == 0
    shown = capsys.readouterr()
    assert shown.out
    assert "warning" not in shown.err
    assert contents(folder) == before


@pytest.mark.parametrize("name", ALL)
def test_a_finished_folder_goes_on_without_measuring(
    name: str,
    hgb: Hgb,
    tmp_path: Path,
    contexts: list[Context],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All of it is there, and stays as it is; where this version has another grid, that is said."""

    def refuse_to_measure(self: RunningReproduction, progress: Any) -> None:
        missing = [case.name for case in self.missing]
        assert not missing, f"not recorded, and minutes of measuring for whoever resumes: {missing}"

    monkeypatch.setattr(RunningReproduction, "measure_missing", refuse_to_measure)
    folder = copied(name, tmp_path)
    before = contents(folder)
    command = "run" if name in RUNS else "reproduce"
    status = hgb(command, "--resume", str(folder))
    said = capsys.readouterr().err
    after = contents(folder)
    assert {path: after[path] for path in before} == before
    assert contexts == []
    if name in OTHER_GRID:
        assert status == 2
        assert "or this version has another grid" in said
    elif name in OF_USERS_IMAGES:
        assert status == 2
        assert "has no folder 'mnist'; one with both is accepted" in " ".join(said.split())
    else:
        assert status == 0, said


def torn(path: Path, number: int) -> tuple[list[bytes], bytes]:
    """Tear a line of a file as a kill does, and put it last; return the others, and what is left of it."""
    lines = path.read_bytes().splitlines(keepends=True)
    broken = lines.pop(number)[:-40]
    path.write_bytes(b"".join(lines) + broken)
    return lines, broken


def test_a_torn_journal_of_an_earlier_version_is_resumed(
    hgb: Hgb, tmp_path: Path, contexts: list[Context], capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is named and kept aside, the others stay to the byte, and its case is measured again."""
    folder = copied("overhead-cpu", tmp_path)
    whole, account = contents(folder)["records.jsonl"], contents(folder)["run.json"]
    kept, broken = torn(folder / "records.jsonl", 1)
    assert hgb("table", str(folder), "--no-write") == 2
    assert "records.jsonl:4: torn: no newline at its end" in capsys.readouterr().err
    assert hgb("run", "--resume", str(folder)) == 0
    assert "set aside in records.rejected.jsonl: " in (said := capsys.readouterr().err)
    assert "records.jsonl:4: torn: no newline at its end" in said
    assert (folder / "records.rejected.jsonl").read_bytes() == broken + b"\n"
    lines = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    assert lines[:3] == kept
    assert sorted(map(identity, lines)) == sorted(map(identity, whole.splitlines()))
    assert [context.clock.rounds_min for context in contexts] == [200]
    told = json.loads((folder / "run.json").read_text())
    assert len(told.pop("clock_tests")) == 1
    # What an earlier version did not say is not made up.
    assert told == json.loads(account) | {"grid": None, "timing": None, "isolation": None}


def identity(line: bytes) -> str:
    return json.loads(line)["id"]


def test_torn_rows_of_an_earlier_version_are_resumed(
    hgb: Hgb,
    tmp_path: Path,
    contexts: list[Context],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As those of a run: the same journal holds them."""
    folder = copied("restarts-cpu", tmp_path)
    recorded = {one.case: one.rows for one in reproduction_folder(folder).journal.read().entries}
    kept, broken = torn(folder / "rows.jsonl", 2)
    entry = reproduction_named("restarts")
    monkeypatch.setattr(type(entry), "measure", lambda self, case, quick: recorded[case.name])
    assert hgb("table", str(folder), "--no-write") == 2
    assert "rows.jsonl:5: torn: no newline at its end" in capsys.readouterr().err
    assert hgb("reproduce", "--resume", str(folder)) == 0
    assert "set aside in rows.rejected.jsonl: " in (said := capsys.readouterr().err)
    assert "rows.jsonl:5: torn: no newline at its end" in said
    assert (folder / "rows.rejected.jsonl").read_bytes() == broken + b"\n"
    assert (folder / "rows.jsonl").read_bytes().splitlines(keepends=True)[:4] == kept
    again = reproduction_folder(folder).journal.read()
    assert {one.case: one.rows for one in again.entries} == recorded
    assert again.bad_lines == ()


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_case_is_measured_again_with_its_own_settings(
    name: str, hgb: Hgb, contexts: list[Context], capsys: pytest.CaptureFixture[str]
) -> None:
    """Rounds come from run.json, not from the suite, and the output says what was used."""
    record = record_of(name)
    assert hgb("rerun", record.id, "--run", str(RESULTS / name)) == 0
    shown = capsys.readouterr().out
    (context,) = contexts
    about = run_folder(RESULTS / name).about()
    asked = about.selection.rounds
    if asked is None:
        assert context.clock == context.suite.clock
    else:
        assert (context.clock.rounds_min, context.clock.rounds_max) == (asked, asked)
        assert f"exactly {asked} rounds" in shown
    assert (
        f"Timed {'as run.json says' if about.timing else 'with the rounds that run.json asks for'}" in shown
    )


def record_of(name: str) -> Record:
    """A record whose problem this version still has."""
    return next(iter(run_folder(RESULTS / name).journal.read().entries))


def test_what_run_json_says_of_timing_goes_before_the_suite(
    hgb: Hgb, tmp_path: Path, contexts: list[Context], capsys: pytest.CaptureFixture[str]
) -> None:
    """As of a run of a version whose suite was timed and compiled otherwise."""
    folder = copied("overhead-cpu", tmp_path)
    account = json.loads((folder / "run.json").read_text())
    clock = {"rounds_min": 2, "rounds_max": 9, "seconds": 0.5, "warmup": 3, "limit_seconds": 11.0}
    timing = {"clock": clock | {"sample_seconds": 0.01}, "compiler_options": {"xla_some_level": 2}}
    (folder / "run.json").write_text(json.dumps(account | {"timing": timing}))
    assert hgb("rerun", record_of("overhead-cpu").id, "--run", str(folder)) == 0
    (context,) = contexts
    assert vars(context.clock) == timing["clock"]
    assert context.suite.compiler_options == (("xla_some_level", 2),)
    assert (
        "Timed as run.json says: 2 to 9 rounds within 0.5 s, warm-up calls: 3, limit of one call: 11 s, "
        "least sample: 0.01 s, compiler options: xla_some_level=2." in capsys.readouterr().out
    )


@pytest.mark.parametrize("name", RUNS)
def test_advice_is_given_from_a_recorded_run(name: str, hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """No line of it is left out."""
    size = "32x32" if name == "peers-cpu" else "64"
    assert hgb("advise", "--size", size, "--params", "80", "--from", str(RESULTS / name)) == 0
    shown = capsys.readouterr()
    assert "left out" not in shown.err
    assert shown.out


@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_rows_of_every_reproduction_are_read(name: str) -> None:
    """And each would be written as it stands: its statuses are on the list."""
    read = reproduction_folder(RESULTS / name).journal.read()
    assert read.bad_lines == ()
    lines = (RESULTS / name / "rows.jsonl").read_text().splitlines()
    assert [one.to_line() for one in read.entries] == lines
