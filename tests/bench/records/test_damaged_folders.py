"""Whatever befell a folder: no traceback, exit 0 or 2, nothing readable lost, nothing lost in silence."""

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from damage import MARK, changed, damages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synthetic_records import measured

from hypergrad_bench.bench import reproductions
from hypergrad_bench.bench.cli import main
from hypergrad_bench.bench.commands import measuring
from hypergrad_bench.bench.commands import reproduce as reproduce_command
from hypergrad_bench.bench.commands import rerun as rerun_command
from hypergrad_bench.bench.commands import run as run_command
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.measure.workbench import MeasuredRecord, Workbench
from hypergrad_bench.bench.records.clock_test import ClockTest
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.report.page import Page
from hypergrad_bench.bench.report.text_table import TextTable
from hypergrad_bench.bench.reproductions.rows import RecordedRow
from hypergrad_bench.bench.runs import provenance as runs_provenance
from hypergrad_bench.bench.runs import run as runs
from hypergrad_bench.bench.runs.reproduction_file import REPRODUCTION_FILE, ROWS, reproduction_folder
from hypergrad_bench.bench.runs.run import plan_run
from hypergrad_bench.bench.runs.run_file import RECORDS, RUN_FILE, RunFile, run_folder
from hypergrad_bench.problems.values.configuration import configuration

EXAMPLES = int(os.environ.get("HGB_EXAMPLES", "500"))
"""In all; a quarter each for journals, accounts of runs, rows, and accounts of reproductions."""
DRAWN = settings(
    max_examples=EXAMPLES // 4,
    deadline=None,
    database=None,
    derandomize="HGB_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
TINY = Selection(
    suite="smoke",
    tasks=("denoising",),
    regularizers=("analysis-l1",),
    methods=("closed-form", "one-step"),
    sizes=("8",),
    dtypes=("float64",),
    batch=1,
    solvers=("dual-fista",),
    seeds=2,
)
SELECTED = list(Selection.model_fields)


@dataclass(frozen=True)
class Letter:
    """The smallest case: nothing but its name."""

    name: str


@configuration
class Letters:
    """How many letters are there?"""

    def cases(self, quick: bool) -> Sequence[Letter]:
        return [Letter(name) for name in ("ab" if quick else "abcd")]

    def measure(self, case: Letter, quick: bool) -> list[RecordedRow]:
        return [{"letter": case.name, "turn": 1, "error": float("nan")}]

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        lines = [[str(row["letter"]), f"{row['turn']:d}"] for row in rows]
        return Page("Letters", "?", "All.", [TextTable("All", "", ("letter", "turn"), lines)], f"{len(rows)}")


def passing_clock(created: str) -> ClockTest:
    """A self-test that the clock passes in no time."""
    seconds = {"work_seconds": 0.03, "returned_seconds": 1e-4, "charged_seconds": 0.03}
    return ClockTest(**seconds, charged_share=1.0, created=created)


@pytest.fixture(scope="module")
def stubbed() -> Iterator[None]:
    """Nothing is measured, drawn, asked of git or waited for: what is left is reading and writing."""

    def measure(self: Workbench, group: Sequence[runs.Case], begin: Any = None) -> Iterator[MeasuredRecord]:
        del begin
        for case in group:
            yield MeasuredRecord(measured(id=case.id, seed=case.instance.seed), {})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Workbench, "measure", measure)
        patch.setattr(reproductions, "Letters", Letters, raising=False)
        patch.setattr(run_command, "write_figures", lambda report, folder: [])
        patch.setattr(run_command, "write_run_report", lambda folder: folder)
        for module in (runs, rerun_command, runs_provenance):
            patch.setattr(module, "environment", dict)
        patch.setattr(measuring, "self_test", passing_clock)
        for module in (rerun_command, run_command, reproduce_command):
            patch.setattr(module, "use_device", lambda device, spare=False: None)
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


def hgb(*arguments: str) -> tuple[int, str]:
    """Run a command; return its exit status and what it says on standard error. Any other end is a fault."""
    said, before = io.StringIO(), (sys.argv, sys.stdout, sys.stderr)
    sys.argv, sys.stdout, sys.stderr = ["hgb", *arguments], io.StringIO(), said
    try:
        main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    finally:
        sys.argv, sys.stdout, sys.stderr = before
    assert status in (0, 2), said.getvalue()
    assert "Traceback" not in said.getvalue()
    return status, said.getvalue()


@pytest.fixture(scope="module")
def run(stubbed: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four cases."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    with runs.started(plan_run(TINY, folder), ["hgb"], "cpu") as running:
        for group in running.missing:
            for number, case in enumerate(group):
                seed = case.instance.seed
                running.opened.writer.append(
                    measured(id=case.id, seed=seed, steps=float(number), solver=f"S{seed}()")
                )
    assert len(run_folder(folder).journal.read().entries) > 2
    return folder


@pytest.fixture(scope="module")
def reproduction(stubbed: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished reproduction of four cases, with a number that is not finite in each."""
    folder = tmp_path_factory.mktemp("reproductions") / "whole"
    assert hgb("reproduce", "letters", "--out", str(folder))[0] == 0
    return folder


def damaged(whole: Path, name: str, content: bytes | None) -> Path:
    """A copy of a folder's two files of data in which one has another content, or is missing."""
    folder = whole.with_name("damaged")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path in whole.iterdir():
        if path.is_file() and path.suffix in (".json", ".jsonl"):
            shutil.copy(path, folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    return folder


def lines_of(path: Path) -> list[bytes]:
    """The lines of a file that may be missing, each without its end and without a byte order mark."""
    content = path.read_bytes() if path.exists() else b""
    lines = (re.sub(b"^(" + MARK + b")+", b"", line) for line in io.BytesIO(content))
    return [line.removesuffix(b"\n") for line in lines if line]


def intact(lines: list[bytes], whole: list[bytes], name: str) -> dict[str, object]:
    """What is there of a file's original objects, by name: of each name the last line that is an object."""
    originals = [json.loads(line) for line in whole]
    found: dict[str, object] = {}
    for line in lines:
        try:
            value = json.loads(line.decode())
        except (ValueError, RecursionError):
            continue
        if value in originals:
            found[value[name]] = value
    return found


def check_nothing_is_lost(path: Path, before: list[bytes], rejected: Path) -> None:
    """Every line is where it was, or was set aside."""
    after = {*lines_of(path), *lines_of(rejected)}
    assert [line for line in before if line not in after] == []


RECORD = list(Record.model_fields)
READERS = st.sampled_from(
    [
        lambda folder: ("table", folder, "--no-write"),
        lambda folder: ("table", folder, "--no-write", "--format", "markdown"),
        lambda folder: ("table", folder, "--no-write", "--format", "csv"),
        lambda folder: ("advise", "--size", "64", "--params", "8", "--from", folder),
        lambda folder: ("rerun", "0", "--run", folder),
        lambda folder: ("export", folder, "--out", f"{folder}.parquet"),
    ]
)


@DRAWN
@given(data=st.data())
def test_a_journal(run: Path, data: st.DataObject) -> None:
    """Reading names each bad line and shows the others; resume sets it aside and measures what is missing."""
    whole = (run / RECORDS).read_bytes().splitlines(keepends=True)
    lines = whole
    for damage in data.draw(damages(RECORD)):
        lines = damage(lines)
    folder = damaged(run, RECORDS, b"".join(lines))
    before = lines_of(folder / RECORDS)
    read = run_folder(folder).journal.read()
    records, bad = read.entries, read.bad_lines
    assert len(records) + len(bad) == len(before)
    there = intact(before, whole, "id")
    assert there.keys() <= {record.id for record in records}
    arguments = data.draw(READERS)(str(folder))
    status, said = hgb(*arguments)
    assert all(str(line) in said for line in bad)
    if arguments[0] in ("table", "export"):
        assert status == (2 if bad else 0)
    assert lines_of(folder / RECORDS) == before
    _check_resumed(folder, before, run)
    mended = {record.id: json.loads(record.to_line()) for record in run_folder(folder).journal.read().entries}
    later = {record.id for record in records} - there.keys()
    assert all(mended[name] == value for name, value in there.items() if not _again(before, name, value))
    assert later <= mended.keys()


def _again(lines: list[bytes], name: str, value: object) -> bool:
    """Whether another record of the same name is there too."""
    return sum(f'"{name}"'.encode() in line for line in lines) > 1


def _check_resumed(folder: Path, before: list[bytes], run: Path) -> None:
    """A resumed run holds the grid that it was started with, and every line that there was."""
    status, said = hgb("run", "--resume", str(folder))
    assert status == 0, said
    check_nothing_is_lost(folder / RECORDS, before, folder / "records.rejected.jsonl")
    records = run_folder(folder).journal.read().entries
    assert run_folder(folder).journal.read().bad_lines == ()
    assert {record.id for record in run_folder(run).journal.read().entries} <= {
        record.id for record in records
    }
    assert hgb("table", str(folder), "--no-write")[0] == 0


@DRAWN
@given(data=st.data())
def test_an_account_of_a_run(run: Path, data: st.DataObject) -> None:
    """Resume measures the grid that the run was started with, or refuses and touches nothing."""
    content: bytes | None = (run / RUN_FILE).read_bytes()
    if data.draw(st.integers(0, 9)):
        content = _changed_account(content or b"", data.draw(st.booleans()), data)
    else:
        content = None
    folder = damaged(run, RUN_FILE, content)
    kept = (folder / RECORDS).read_bytes().splitlines(keepends=True)[:2]
    (folder / RECORDS).write_bytes(b"".join(kept))
    status, said = hgb("run", "--resume", str(folder))
    ids = {record.id for record in run_folder(folder).journal.read().entries}
    if status == 0:
        assert ids == {record.id for record in run_folder(run).journal.read().entries}
    else:
        assert "hgb: " in said
        assert (folder / RECORDS).read_bytes() == b"".join(kept)
    hgb("rerun", next(iter(ids)), "--run", str(folder))


def _changed_account(content: bytes, inside: bool, data: st.DataObject) -> bytes:
    """Change a field of what was asked for, or of the account itself."""
    if not inside:
        return data.draw(changed(list(RunFile.model_fields)))(content)
    account = json.loads(content)
    text = data.draw(changed(SELECTED))(json.dumps(account["selection"]).encode())
    try:
        return json.dumps(account | {"selection": json.loads(text)}).encode()
    except (ValueError, RecursionError):
        return text


@DRAWN
@given(data=st.data())
def test_rows(reproduction: Path, data: st.DataObject) -> None:
    """A page names each line that it lacks; resume sets aside what is no case, and measures it again."""
    whole = (reproduction / ROWS).read_bytes().splitlines(keepends=True)
    lines = whole
    for damage in data.draw(damages(["case", "created", "rows"])):
        lines = damage(lines)
    folder = damaged(reproduction, ROWS, b"".join(lines))
    before = lines_of(folder / ROWS)
    read = reproduction_folder(folder).journal.read()
    assert len(read.entries) + len(read.bad_lines) == len(before)
    there = intact(before, whole, "case")
    assert there.keys() <= {measured.case for measured in read.entries}
    status, said = hgb("table", str(folder))
    assert all(str(line) in said for line in read.bad_lines)
    assert status == 2 or not read.bad_lines
    assert lines_of(folder / ROWS) == before
    status, said = hgb("reproduce", "--resume", str(folder))
    check_nothing_is_lost(folder / ROWS, before, folder / "rows.rejected.jsonl")
    after = reproduction_folder(folder).journal.read()
    assert after.bad_lines == ()
    assert {measured.case for measured in after.entries} >= set("abcd") | there.keys()
    assert status == 0 or "the page cannot show the rows of case" in said or "no page can be made" in said


@DRAWN
@given(data=st.data())
def test_an_account_of_a_reproduction(reproduction: Path, data: st.DataObject) -> None:
    """Resume measures the cases that the folder was made for, or refuses and touches nothing."""
    content: bytes | None = (reproduction / REPRODUCTION_FILE).read_bytes()
    fields = ["name", "quick", "cases", "command", "created", "environment"]
    content = data.draw(changed(fields))(content or b"") if data.draw(st.integers(0, 9)) else None
    folder = damaged(reproduction, REPRODUCTION_FILE, content)
    kept = (folder / ROWS).read_bytes().splitlines(keepends=True)[:2]
    (folder / ROWS).write_bytes(b"".join(kept))
    status, said = hgb("reproduce", "--resume", str(folder))
    cases = {measured.case for measured in reproduction_folder(folder).journal.read().entries}
    if status == 0:
        assert cases == set("abcd") or json.loads((content or b"").removeprefix(MARK))["quick"]
    else:
        assert "hgb: " in said
        assert cases == set("ab")
    hgb("table", str(folder))
