"""One record in full, and a program that makes it by hand."""

import contextlib
import io
import json
import runpy
from collections.abc import Iterator
from pathlib import Path

import jax
import pytest
from matplotlib.figure import Figure

from hypergrad_bench.bench.commands.found_record import found_record
from hypergrad_bench.bench.grid.by_hand import python_by_hand
from hypergrad_bench.bench.report import seen_figure
from hypergrad_bench.problems import FieldsOfExperts, save_regularizer

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


@pytest.fixture
def single() -> Iterator[None]:
    """JAX as it begins, with 32 bits; back to 64 afterwards."""
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


def test_everything_of_a_record_is_printed(hgb, run, capsys, tmp_path, single, monkeypatch) -> None:
    """Figures, hashes, environment, the program; a picture shows a gradient in the record's own precision."""
    record = next(one for one in records(run) if one["dtype"] == "float64")
    drawn = {}
    monkeypatch.setattr(seen_figure, "seen_figure", lambda *given: drawn.update(given[2]) or Figure())
    assert hgb("show", record["id"][:8], "--run", str(run), "--picture", "seen.png") == 0
    assert {leaf.dtype.name for leaf in drawn.values()} == {"float64"}
    said = capsys.readouterr().out
    assert all(text in said for text in (record["id"], "relative_error", ".truths", "jaxlib"))
    assert "from hypergrad_bench.problems import AnalysisL1, Denoising" in said
    assert (tmp_path / "seen.png").stat().st_size > 1000


def test_a_picture_of_no_known_format_is_refused_at_once(hgb, run, capsys) -> None:
    """Before anything is solved; a record that nobody has too."""
    assert hgb("show", records(run)[0]["id"], "--run", str(run), "--picture", "seen.xyz") == 2
    assert "ends in .png, .pdf, .svg; got 'seen.xyz'" in capsys.readouterr().err.replace("\n", " ")
    assert hgb("show", "ffffffffffff", "--run", str(run)) == 2


def test_a_training_s_page_shows_its_filters_or_says_why_not(hgb, tmp_path, single) -> None:
    """Filters in float64 are read whatever JAX began with; a damaged regulariser is named."""
    about = {"request": {}, "choices": {}, "parameters": {}, "command": [], "created": "", "environment": {}}
    folder = tmp_path / "learned"
    folder.mkdir()
    (folder / "training.json").write_text(json.dumps(about))
    jax.config.update("jax_enable_x64", True)
    save_regularizer(folder, FieldsOfExperts.initial((8, 8), 0))
    jax.config.update("jax_enable_x64", False)
    assert hgb("report", str(folder)) == 0
    assert "Learned filters" in (folder / "report.html").read_text()
    (folder / "regularizer.json").write_text("{")
    assert hgb("report", str(folder)) == 0
    assert "the learned regulariser cannot be read: " in (folder / "report.html").read_text()
