"""Several runs as one: no record is lost, measured twice without a word, or put beside what it is not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import measured

from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.runs.run import plan_again, plan_run
from hypergrad_bench.bench.runs.run_file import RunFile, run_folder

TINY: dict[str, Any] = {
    "suite": "smoke",
    "regularizers": ("analysis-l1",),
    "methods": ("closed-form", "one-step"),
    "sizes": ("8",),
    "dtypes": ("float64",),
    "batch": 1,
    "solvers": ("dual-fista",),
}
SECOND = "2026-11-02T00:00:00+00:00"


def run_of(
    folder: Path, environment: dict[str, Any] | None = None, created: str = SECOND, **asked: Any
) -> Path:
    """A run of a small grid whose records were made up; every record has saved arrays."""
    plan = plan_run(Selection(**(TINY | {"save_arrays": True} | asked)), folder)
    about = RunFile(
        selection=plan.selection,
        cases=plan.cases,
        grid=plan.grid,
        command=["hgb"],
        created=created,
        environment={"jax": "0.10", "cpu_model": "one", **(environment or {})},
    )
    (folder / "arrays").mkdir(parents=True)
    with run_folder(folder).opened(lambda: about) as opened:
        for name in sorted(plan.ids):
            (folder / "arrays" / f"{name}.npz").write_bytes(name.encode())
            opened.writer.append(measured(id=name, created=created))
    return folder


@pytest.fixture
def merged(hgb: Callable[..., int], tmp_path: Path) -> Callable[..., tuple[int, Path]]:
    """Merge folders; return the exit status and the new folder."""

    def merge(*folders: Path, options: tuple[str, ...] = ()) -> tuple[int, Path]:
        out = tmp_path / "merged"
        return hgb("merge", *map(str, folders), "--out", str(out), *options), out

    return merge


def test_parts_of_a_grid_become_one_run(merged, tmp_path: Path, capsys) -> None:
    """It is whole, holds every record with its arrays, and can be gone on with."""
    parts = [run_of(tmp_path / task, tasks=(task,)) for task in ("denoising", "inpainting")]
    status, out = merged(*parts)
    assert status == 0
    assert "holds 4 of 4 cases\n" in capsys.readouterr().out
    records = [record for part in parts for record in run_folder(part).recorded()]
    assert list(run_folder(out).recorded()) == records
    assert {path.stem for path in (out / "arrays").iterdir()} == {record.id for record in records}
    plan = plan_again(out)
    assert plan.selection.tasks == ("denoising", "inpainting")
    assert plan.ids == {record.id for record in records}


def test_what_no_part_measured_is_still_to_be_done(merged, tmp_path: Path, capsys) -> None:
    """Tasks of one and methods of another ask for their product."""
    first = run_of(tmp_path / "a", tasks=("denoising",), methods=("closed-form",))
    second = run_of(tmp_path / "b", tasks=("inpainting",), methods=("one-step",))
    status, out = merged(first, second)
    assert status == 0
    said = capsys.readouterr().out
    assert "holds 2 of 4 cases; `hgb run --resume" in said
    assert len(plan_again(out).ids) == 4


def test_other_environments_are_not_put_into_one_table(merged, tmp_path: Path, capsys) -> None:
    """What differs is named, and what shows both."""
    first = run_of(tmp_path / "a", tasks=("denoising",))
    second = run_of(tmp_path / "b", {"cpu_model": "another"}, tasks=("inpainting",))
    status, out = merged(first, second)
    assert (status, out.exists()) == (2, False)
    said = " ".join(capsys.readouterr().err.split())
    assert "they differ in cpu_model (one; another). `hgb report` shows them side by side" in said


def test_a_case_measured_twice_is_refused_or_the_newest_taken(merged, tmp_path: Path, capsys) -> None:
    """Never the one that happens to come last."""
    newer = run_of(tmp_path / "a", tasks=("denoising",))
    older = run_of(tmp_path / "b", created="2026-11-01T00:00:00+00:00", tasks=("denoising",))
    assert merged(newer, older)[0] == 2
    assert "--newest takes the newer one" in capsys.readouterr().err
    status, out = merged(newer, older, options=("--newest",))
    assert status == 0
    assert {record.created for record in run_folder(out).recorded()} == {SECOND}


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"suite": "default"}, "one `suite`"), ({"noise": 0.2}, "one `noise`"), ({"seeds": 2}, "one `seeds`")],
)
def test_what_cannot_be_asked_for_together_is_named(changed, said, merged, tmp_path: Path, capsys) -> None:
    """With the value of each folder."""
    status, out = merged(
        run_of(tmp_path / "a", tasks=("denoising",)), run_of(tmp_path / "b", tasks=("inpainting",), **changed)
    )
    assert (status, out.exists()) == (2, False)
    assert said in capsys.readouterr().err


def test_records_of_another_grid_are_refused(merged, tmp_path: Path, capsys) -> None:
    """A plug-in that changed, or an older version."""
    first, second = (run_of(tmp_path / task, tasks=(task,)) for task in ("denoising", "inpainting"))
    with (second / "records.jsonl").open("a") as file:
        file.write(measured(id="f" * 12).to_line() + "\n")
    status, out = merged(first, second)
    assert (status, out.exists()) == (2, False)
    assert f"{second} holds 1 records that this version's grid no longer has" in " ".join(
        capsys.readouterr().err.split()
    )


def test_lines_that_cannot_be_read_cost_nothing_else(merged, tmp_path: Path, capsys) -> None:
    """They are named once the run is written; each seed is a part of its own here."""
    first = run_of(tmp_path / "a", tasks=("denoising",), seeds=1)
    second = run_of(tmp_path / "b", tasks=("inpainting",), seeds=2)
    with (second / "records.jsonl").open("a") as file:
        file.write('{"torn')
    status, out = merged(first, second)
    assert status == 2
    assert len(run_folder(out).recorded()) == 6
    assert "1 lines of the journals cannot be read" in " ".join(capsys.readouterr().err.split())


def test_one_run_is_no_merger(merged, tmp_path: Path, capsys) -> None:
    """Nor is the same one twice, or a folder that is none."""
    only = run_of(tmp_path / "a", tasks=("denoising",))
    assert merged(only, tmp_path / "." / "a")[0] == 2
    assert "two or more runs are merged" in capsys.readouterr().err
    assert merged(only, tmp_path / "nowhere")[0] == 2
    assert json.loads((only / "run.json").read_text())["cases"] == 2
