"""One record in full, and a program that makes it by hand."""

import contextlib
import io
import json
import runpy
from pathlib import Path

import pytest

from hypergrad_bench.bench.commands.found_record import found_record
from hypergrad_bench.bench.grid.by_hand import python_by_hand

RUN = [
    "run",
    "--suite",
    "smoke",
    "--task",
    "denoising",
    "--size",
    "8",
    "--batch",
    "2",
    "--seeds",
    "1",
    "--rounds",
    "1",
]
RUN += [
    "--regularizer",
    "analysis-l1",
    "--method",
    "closed-form",
    "--solver",
    "dual-fista",
    "--weight",
    "0.05",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of few cases."""
    from hypergrad_bench.bench.cli import main

    folder = tmp_path_factory.mktemp("show") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["hgb", *RUN, "--out", str(folder)])
        with contextlib.suppress(SystemExit):
            main()
    return folder


def records(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "records.jsonl").read_text().splitlines()]


def test_the_program_makes_the_recorded_loss(run: Path, tmp_path: Path) -> None:
    """In both precisions: the same problem, solved by the library alone."""
    for record in records(run):
        program = tmp_path / "by_hand.py"
        program.write_text(python_by_hand(found_record(record["id"], run).case))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            runpy.run_path(str(program))
        assert float(printed.getvalue()) == pytest.approx(record["loss"], rel=1e-5)


def test_everything_of_a_record_is_printed(hgb, run, capsys, tmp_path) -> None:
    """Figures, hashes, environment, the program; and a picture where one is asked for."""
    (record, *_) = records(run)
    assert hgb("show", record["id"][:8], "--run", str(run), "--picture", "seen.png") == 0
    said = capsys.readouterr().out
    assert all(text in said for text in (record["id"], "relative_error", ".truths", "jaxlib"))
    assert "from hypergrad_bench.problems import AnalysisL1, Denoising" in said
    assert (tmp_path / "seen.png").stat().st_size > 1000


def test_a_picture_of_no_known_format_is_refused_at_once(hgb, run, capsys) -> None:
    """Before anything is solved; a record that nobody has too."""
    assert hgb("show", records(run)[0]["id"], "--run", str(run), "--picture", "seen.xyz") == 2
    assert "ends in .png, .pdf, .svg; got 'seen.xyz'" in capsys.readouterr().err.replace("\n", " ")
    assert hgb("show", "ffffffffffff", "--run", str(run)) == 2
