"""The clock tests itself as measuring begins; how it did stands in the account, and a failure everywhere."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from synthetic_records import measured

from hypergrad_bench.bench import reproductions
from hypergrad_bench.bench.commands import measuring
from hypergrad_bench.bench.commands import run as run_command
from hypergrad_bench.bench.measure.workbench import MeasuredRecord, Workbench
from hypergrad_bench.bench.records.clock_test import ClockTest
from hypergrad_bench.bench.report.page import Page
from hypergrad_bench.bench.report.text_table import TextTable
from hypergrad_bench.bench.reproductions.rows import RecordedRow
from hypergrad_bench.problems.values.configuration import configuration

Hgb = Callable[..., int]
TINY = ("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8")
ONE = (*TINY, "--batch", "1", "--method", "closed-form", "--solver", "dual-fista")
FAULT = "the clock failed its self-test of "


def clock_that_charges(share: float) -> Callable[[str], ClockTest]:
    def self_test(created: str) -> ClockTest:
        seconds = {"work_seconds": 1.0, "returned_seconds": 0.0, "charged_seconds": share}
        return ClockTest(**seconds, charged_share=share, created=created)

    return self_test


@dataclass(frozen=True)
class Letter:
    """The smallest case: nothing but its name."""

    name: str


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register a reproduction of two cases."""

    @configuration
    class Letters:
        """How many letters are there?"""

        def cases(self, quick: bool) -> Sequence[Letter]:
            return [Letter("a"), Letter("b")]

        def measure(self, case: Letter, quick: bool) -> list[RecordedRow]:
            return [{"letter": case.name}]

        def page(self, rows: Sequence[RecordedRow]) -> Page:
            lines = [[str(row["letter"]), "1"] for row in rows]
            return Page("Letters", "?", "All.", [TextTable("All", "", ("letter", "count"), lines)], "two")

    monkeypatch.setattr(reproductions, "Letters", Letters, raising=False)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run measures nothing and draws nothing; whatever is recorded is made up."""

    def measure(self, group, begin=None):
        for case in group:
            yield MeasuredRecord(measured(id=case.id), {})

    monkeypatch.setattr(Workbench, "measure", measure)
    monkeypatch.setattr(run_command, "write_figures", lambda report, folder: [])


def noted_in(folder: Path, name: str) -> list[dict[str, float]]:
    return json.loads((folder / name).read_text())["clock_tests"]


def test_a_reproduction_begins_with_the_clocks_own_test(letters: None, hgb: Hgb, tmp_path: Path) -> None:
    """The real one, with its figures; a resume that measures adds another, one that does not adds none."""
    folder = tmp_path / "new"
    assert hgb("reproduce", "letters", "--out", str(folder)) == 0
    (first,) = noted_in(folder, "reproduction.json")
    assert 0.5 <= first["charged_share"] == first["charged_seconds"] / first["work_seconds"]
    assert FAULT not in (folder / "README.md").read_text()
    assert hgb("reproduce", "--resume", str(folder)) == 0
    assert noted_in(folder, "reproduction.json") == [first]
    rows = (folder / "rows.jsonl").read_text().splitlines(keepends=True)
    (folder / "rows.jsonl").write_text(rows[0])
    assert hgb("reproduce", "--resume", str(folder)) == 0
    assert len(noted_in(folder, "reproduction.json")) == 2


def test_a_failed_test_of_a_reproductions_clock_is_said_everywhere(
    letters: None,
    hgb: Hgb,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error as it is found, on the page, and by `hgb table` of the folder later."""
    monkeypatch.setattr(measuring, "self_test", clock_that_charges(0.01))
    folder = tmp_path / "new"
    assert hgb("reproduce", "letters", "--out", str(folder)) == 0
    shown = capsys.readouterr()
    assert f"warning: {FAULT}" in shown.err
    assert f"Warning: {FAULT}" in shown.out
    assert f"**Warning.** {FAULT}" in (folder / "README.md").read_text()
    assert hgb("table", str(folder), "--format", "csv", "--no-write") == 0
    shown = capsys.readouterr()
    assert f"warning: {FAULT}" in shown.err
    assert "Warning" not in shown.out


def test_a_run_begins_with_the_clocks_own_test(
    unmeasured: None, hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real one; its figures are in run.json, beside how the cases are timed."""
    folder = tmp_path / "new"
    assert hgb("run", *ONE, "--rounds", "7", "--out", str(folder)) == 0
    (first,) = noted_in(folder, "run.json")
    assert set(first) == {"work_seconds", "returned_seconds", "charged_seconds", "charged_share", "created"}
    assert first["charged_share"] >= 0.5
    assert FAULT not in capsys.readouterr().err
    timing = json.loads((folder / "run.json").read_text())["timing"]
    assert (timing["clock"]["rounds_min"], timing["clock"]["rounds_max"]) == (7, 7)
    assert timing["compiler_options"] == {"xla_backend_optimization_level": 1}
    assert hgb("run", "--resume", str(folder)) == 0
    assert noted_in(folder, "run.json") == [first]


def test_a_failed_test_of_a_runs_clock_is_said_everywhere(
    unmeasured: None,
    hgb: Hgb,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On standard error, in tables/README.md, and by `hgb table`; a damaged account is said too."""
    monkeypatch.setattr(measuring, "self_test", clock_that_charges(0.01))
    folder = tmp_path / "new"
    assert hgb("run", *ONE, "--out", str(folder)) == 0
    assert f"warning: {FAULT}" in capsys.readouterr().err
    assert "**Warning.** the clock failed its self-test" in (folder / "tables" / "README.md").read_text()
    assert hgb("table", str(folder), "--format", "csv", "--no-write") == 0
    shown = capsys.readouterr()
    assert f"warning: {FAULT}" in shown.err
    assert FAULT not in shown.out
    (folder / "run.json").write_text("{")
    assert hgb("table", str(folder), "--no-write") == 0
    assert "whether the clock passed its self-test is not known" in capsys.readouterr().err
