"""What stands in a folder is never a path: whoever wrote it, nothing outside is read or written."""

import builtins
import contextlib
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generated import fresh, hgb
from matplotlib.figure import Figure
from refusals import nothing_but_refusals
from synthetic_records import identity, measured

from hypergrad_bench.bench.commands import report as report_command
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.records import durable
from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.report.figures import write_figures
from hypergrad_bench.bench.report.page import Page, page_markdown, write_page
from hypergrad_bench.bench.report.tables import report_of
from hypergrad_bench.bench.runs.comparison import plan_comparison_again
from hypergrad_bench.bench.runs.run import plan_run, requested
from hypergrad_bench.bench.runs.run_file import RunFile, run_folder

ASKED: dict[str, Any] = {
    "suite": "smoke",
    "tasks": ("denoising",),
    "regularizers": ("analysis-l1",),
    "methods": ("one-step",),
    "solvers": ("dual-fista",),
    "sizes": ("8",),
    "batch": 1,
    "save_arrays": True,
}
OWN = {"regularizer": "analysis-l1", "method": "OneStep()", "size": "8", "batch": 1}
"""What its record says of its case."""
OUTSIDE = ["../outside/x", "../../outside/x", "..", "/", "{absolute}", "x/../../outside/x", "{absolute}\n"]
"""Ids, names and texts that would lead out of a folder if they were joined to it."""
COMMANDS = [
    ("table", "run"),
    ("table", "run", "--format", "latex"),
    ("report", "run"),
    ("export", "run", "--out", "out/run.parquet"),
    ("export", "run", "--format", "benchopt", "--out", "out/plots"),
    ("merge", "run", "second", "--newest", "--out", "out/merged"),
    ("compare", "run", "second"),
    ("show", "{id}", "--run", "run"),
    ("rerun", "{id}", "--run", "run"),
    ("advise", "--size", "8", "--params", "8", "--from", "run"),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a file that is nobody's business, where nothing is measured or drawn."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "outside").mkdir()
    for name in ("x", "x.npz", "x.md", "x.png", "records.jsonl", "run.json"):
        (folder / "outside" / name).write_text("a secret")
    with nothing_but_refusals(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(report_command, "settled_claims", list)
        yield folder


@contextlib.contextmanager
def opened_below(place: Path) -> Iterator[set[Path]]:
    """Collect the files below a folder that are opened, by their real paths."""
    opened: set[Path] = set()

    def seen(real: Any) -> Any:
        def call(path: Any, *arguments: Any, **named: Any) -> Any:
            if isinstance(path, str | os.PathLike):
                found = Path(path).resolve()
                opened.update({found} if found.is_relative_to(place.resolve()) else ())
            return real(path, *arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((builtins, "open"), (io, "open"), (os, "open")):
            patch.setattr(module, name, seen(getattr(module, name)))
        yield opened


def contents(folder: Path) -> dict[Path, bytes | None]:
    """Every file with its bytes, and every folder."""
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def write_run(folder: Path, *changes: dict[str, Any], **about: Any) -> list[str]:
    """Write a run of which a stranger changed records and account; return the ids of its cases."""
    plan = plan_run(Selection(**ASKED), folder)
    given: dict[str, Any] = {"command": ["hgb"], "created": "", "environment": {}, **about}
    account = RunFile(selection=plan.selection, cases=plan.cases, grid=plan.grid, **given)
    ids = sorted(plan.ids)
    (folder / "arrays").mkdir(parents=True)
    image = np.linspace(0, 1, 64).reshape(1, 8, 8)
    for name in ids:
        np.savez(folder / "arrays" / f"{name}.npz", **{"x": image, "inputs.truths": image})
    with run_folder(folder).opened(lambda: account) as opened:
        for name in ids:
            opened.writer.append(measured(id=name, **OWN))
    line = json.loads(measured(**OWN).to_line())
    with (folder / "records.jsonl").open("a") as journal:
        for number, change in enumerate(changes):
            journal.write(json.dumps({**line, "id": identity(number), **change}) + "\n")
    return ids


def run_commands(place: Path, own: set[Path], values: dict[str, str]) -> None:
    """Run every command; whatever it says, it opens and changes files of its own alone."""
    before = contents(place / "outside")
    for command in COMMANDS:
        arguments = [part.format(**values) for part in command]
        with opened_below(place) as opened:
            ended = hgb(*arguments)
        assert ended.status in (0, 2), f"{arguments}\n{ended.err}"
        assert "Traceback" not in ended.err
        assert "secret" not in ended.out + ended.err
        strange = {path for path in opened if not any(path.is_relative_to(place / one) for one in own)}
        assert strange == set(), arguments
    assert contents(place / "outside") == before
    assert {path.name for path in place.iterdir()} <= {"outside", *map(str, own)}


@pytest.fixture
def emptied(place: Path) -> Path:
    """Begin without what another test wrote."""
    for name in ("run", "second", "out"):
        fresh(place / name)
    (place / "out").mkdir()
    return place


@pytest.mark.parametrize("value", OUTSIDE)
def test_an_id_is_no_path(emptied: Path, value: str) -> None:
    """A record with such an id is a line that cannot be read; asked for by it, none is found."""
    bad = value.format(absolute=emptied / "outside" / "x")
    write_run(emptied / "run", {"id": bad})
    write_run(emptied / "second")
    reading = run_folder(emptied / "run").journal.read()
    assert [line.reason.partition(" ")[0] for line in reading.bad_lines] == ["field"]
    run_commands(emptied, {Path("run"), Path("second"), Path("out")}, {"id": bad})


@pytest.mark.parametrize("value", [OUTSIDE[0], OUTSIDE[4]])
def test_no_text_of_a_record_is_a_path(emptied: Path, value: str) -> None:
    """Names of tables, figures and images are made of its texts; each takes such a value in turn."""
    bad = value.format(absolute=emptied / "outside" / "x")
    texts = [
        name
        for name, field in Record.model_fields.items()
        if field.annotation is str and name not in ("id", "size", "created")
    ]
    assert {"task", "regularizer", "data", "dtype", "solver", "method", "suite"} <= set(texts)
    changes = [{name: bad} for name in texts]
    changes += [{"input_hashes": {bad: bad}}, {"environment": {bad: bad}}, {"command": [bad]}]
    ids = write_run(
        emptied / "run", *changes, dict.fromkeys(texts, bad), command=[bad], environment={bad: bad}
    )
    write_run(emptied / "second")
    assert run_folder(emptied / "run").journal.read().bad_lines == ()
    run_commands(emptied, {Path("run"), Path("second"), Path("out")}, {"id": ids[0]})


def test_commands_do_their_work_here(emptied: Path) -> None:
    """On a run that nobody changed, or the tests above would show little."""
    ids = write_run(emptied / "run")
    write_run(emptied / "second")
    for command in COMMANDS:
        ended = hgb(*(part.format(id=ids[0]) for part in command))
        assert ended.status == 0, f"{command}\n{ended.err}"
    assert {path.name for path in (emptied / "out").iterdir()} == {"run.parquet", "plots", "merged"}
    assert (emptied / "out" / "merged" / "arrays" / f"{ids[0]}.npz").exists()


def test_figures_of_a_run_lie_in_its_folder(tmp_path: Path) -> None:
    """One is named after the precision, which is a text."""
    (tmp_path / "run").mkdir()
    report = report_of([measured(dtype="../../x", method=method) for method in ("A()", "B()")])
    paths = write_figures(report, tmp_path / "run")
    assert paths
    assert {path.resolve().parent for path in paths} == {(tmp_path / "run" / "figures").resolve()}
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


@pytest.mark.parametrize("value", OUTSIDE)
def test_a_figure_of_a_page_lies_in_its_folder(tmp_path: Path, value: str) -> None:
    """Its name may come of a row; a folder that somebody packed can have others where such a path begins."""
    name = f"words_/{value.format(absolute=tmp_path / 'outside' / 'x')}"
    (tmp_path / "page" / "figures" / "words_").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    page = Page("A", "?", "All.", [], "None.", {name: Figure()})
    (_, path) = write_page(page, tmp_path / "page")
    assert path.parent == tmp_path / "page" / "figures"
    assert list((tmp_path / "outside").iterdir()) == []
    assert f"](figures/{path.name})" in page_markdown(page)
    assert path.exists()


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    """A folder that somebody packed can hold one at the name of a file that is being written."""
    (tmp_path / "secret").write_text("mine")
    for name in ("run.json", "run.json.tmp"):
        (tmp_path / name).symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic links"):
        durable.replace_durably(tmp_path / "run.json", b"{}")
    assert (tmp_path / "secret").read_text() == "mine"
    (tmp_path / "run.json.tmp").unlink()
    durable.replace_durably(tmp_path / "run.json", b"{}")
    assert (tmp_path / "secret").read_text() == "mine"
    assert not (tmp_path / "run.json").is_symlink()


@pytest.mark.parametrize("value", OUTSIDE)
def test_a_method_of_a_comparison_is_no_path(tmp_path: Path, value: str) -> None:
    """Each has a folder of its own, named after it; what is no name is refused."""
    request = {"regularizer": "analysis-l1", "size": "8"}
    noted = {"command": [], "created": "", "environment": {}}
    about = {"methods": [value, "one-step"], "request": request, **noted}
    (tmp_path / "comparison.json").write_text(json.dumps(about))
    comparison = plan_comparison_again(tmp_path)
    with pytest.raises(UserError, match="cannot be read; a name such as"):
        comparison.folder_of(value)
    assert comparison.folder_of("one-step") == tmp_path / "2-one-step"


def test_only_the_account_of_a_run_names_further_files(emptied: Path) -> None:
    """Plug-ins and images are the user's own; no record names one, and what `run.json` names must be one."""
    write_run(emptied / "run")
    asked = run_folder(emptied / "run").about().selection
    named = asked.model_copy(update={"plugins": (emptied / "outside" / "x",)})
    with pytest.raises(UserError, match=r"a plug-in is a Python file, \.py; got .*outside/x, which is none"):
        requested(named)
    with pytest.raises(UserError, match=r"image folder .*nowhere' does not exist"):
        requested(asked.model_copy(update={"images": emptied / "nowhere"}))
