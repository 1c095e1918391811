"""Resume goes on with the grid that a run was started with, or refuses with a sentence."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import identity, measured

from hypergrad_bench.bench.commands.found_record import _find
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.runs import provenance
from hypergrad_bench.bench.runs.recorded import SHIPPED, where_recorded
from hypergrad_bench.bench.runs.run import plan_again, plan_run, started
from hypergrad_bench.bench.runs.run_file import RUN_FILE, run_folder

ASKED = Selection(
    suite="smoke",
    tasks=("denoising",),
    regularizers=("analysis-l1",),
    solvers=("dual-fista",),
    methods=("closed-form",),
    sizes=("8",),
    dtypes=("float64",),
    batch=1,
    tolerance=1e-6,
)
Change = Callable[[dict], object]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was stopped before its first case."""
    monkeypatch.setattr(provenance, "environment", dict)
    with started(plan_run(ASKED, tmp_path / "run"), ["hgb"], "cpu"):
        pass
    return tmp_path / "run"


def change(folder: Path, how: Change) -> None:
    account = json.loads((folder / RUN_FILE).read_text())
    how(account)
    (folder / RUN_FILE).write_text(json.dumps(account))


def test_an_unchanged_run_goes_on(folder: Path) -> None:
    """With its digest, and as an older version wrote it, without."""
    plan = plan_again(folder)
    assert plan.cases == run_folder(folder).about().cases
    change(folder, lambda account: account.pop("grid"))
    assert plan_again(folder) == plan


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda account: account["selection"].update(seeds=7), "was written for 1 cases, .* has 7 now"),
        (lambda account: account["selection"].pop("sizes"), "was written for other cases, as many as"),
        (lambda account: account.update(cases=3), "was written for 3 cases, .* has 1 now"),
        (
            lambda account: account["selection"].update(tolerance=1e-7),
            "was written for other cases, as many as",
        ),
        (lambda account: account["selection"].update(sizess=["8"]), "'selection.sizess', which this version"),
        (lambda account: account.update(seeds=3), "the field 'seeds', which this version does not know"),
        (lambda account: account["selection"].update(seeds="7"), "'selection.seeds' holds '7'"),
        (lambda account: account["selection"].update(seeds=10**9), "'selection.seeds' holds 1000000000"),
        (lambda account: account.pop("selection"), "without the required field 'selection'"),
        (lambda account: account.update(cases=float("nan")), "NaN and Infinity are not JSON"),
    ],
)
def test_another_grid_is_refused(how: Change, message: str, folder: Path) -> None:
    """Fields are not ignored, and neither are the number of cases and which they are."""
    change(folder, how)
    with pytest.raises(UserError, match=message):
        plan_again(folder)


def test_records_of_another_grid_are_refused_where_there_is_no_digest(folder: Path) -> None:
    """An older run of as many cases, none of which is among its records."""
    with run_folder(folder).journal.writer() as writer:
        writer.append(measured(id=identity(5)))
    plan_again(folder)
    change(folder, lambda account: account.pop("grid"))
    with pytest.raises(
        UserError, match=f"holds 1 records that {re.escape(RUN_FILE)} does not .*{identity(5)}"
    ):
        plan_again(folder)


def test_rerun_finds_the_records_that_come_with_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever one stands, as with an installed wheel."""
    monkeypatch.chdir(tmp_path)
    wanted = run_folder(SHIPPED / "overhead-cpu").journal.read().entries[0]
    assert _find(wanted.id, SHIPPED / "overhead-cpu") == (SHIPPED / "overhead-cpu", wanted)
    found, record = _find(wanted.id, None)
    assert record.id == wanted.id
    assert (found / RUN_FILE).exists()


def test_a_folder_of_runs_is_named_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a checkout the folder of one's own runs is that of the recorded ones."""
    monkeypatch.chdir(SHIPPED.parent)
    assert where_recorded() == "results/"
    monkeypatch.chdir(tmp_path)
    assert where_recorded() == f"results/ and {SHIPPED}"
