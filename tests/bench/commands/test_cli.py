"""The command line: what users and scripts rely on."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from hypergrad_bench.bench.cli import main
from hypergrad_bench.bench.runs.run_file import run_folder

TINY = (
    "--suite",
    "smoke",
    "--task",
    "denoising",
    "--regularizer",
    "analysis-l1",
    "--size",
    "8",
    "--batch",
    "1",
    "--solver",
    "dual-fista",
)
Hgb = Callable[..., int]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run with two methods."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    arguments = (*TINY, "--method", "closed-form", "--method", "one-step", "--out", str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hgb", "run", *arguments])
        with pytest.raises(SystemExit) as stop:
            main()
    assert not stop.value.code
    return folder


def test_a_run_leaves_records_tables_figures_and_what_was_asked(finished: Path) -> None:
    """The folder holds what is documented."""
    names = {path.name for path in finished.iterdir()}
    assert {"records.jsonl", "run.json", "tables", "figures"} <= names
    assert (finished / "tables" / "results.csv").exists()
    assert list((finished / "figures").glob("*.png"))
    assert "Claims of the papers" in (finished / "report.html").read_text()
    asked = json.loads((finished / "run.json").read_text())
    assert asked["selection"]["methods"] == ["closed-form", "one-step"]
    assert asked["cases"] == len(run_folder(finished).journal.read().entries)


def test_records_have_the_fields_that_scripts_use(finished: Path) -> None:
    """The interface of a record, by name."""
    line = json.loads((finished / "records.jsonl").read_text().splitlines()[0])
    promised = """id task regularizer size dtype seed solver method status steps residual adjoint_residual
        relative_error cosine norm_ratio reference reference_error solve_seconds solve_seconds_q1
        solve_seconds_q3 total_seconds total_seconds_q1 total_seconds_q3 compile_seconds memory_bytes
        environment"""
    assert set(promised.split()) <= set(line)


def test_table_prints_in_three_forms(repository: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """Terminal, Markdown and CSV come from the same records."""
    recorded = repository / "results" / "overhead-cpu"
    for form, sign in (("terminal", "ClosedForm"), ("markdown", "| ClosedForm |"), ("csv", "relative_error")):
        assert hgb("table", str(recorded), "--format", form, "--no-write") == 0
        assert sign in capsys.readouterr().out


def test_table_says_that_nothing_is_recorded_yet(
    repository: Path, hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that was stopped at its first case has no table to print."""
    folder = shutil.copytree(repository / "results" / "overhead-cpu", tmp_path / "begun")
    (folder / "records.jsonl").write_text("")
    assert hgb("table", str(folder), "--no-write") == 0
    assert "has no record yet" in capsys.readouterr().err


def test_resume_of_a_finished_run_measures_nothing(finished: Path, hgb: Hgb) -> None:
    """Resuming is safe to repeat."""
    before = (finished / "records.jsonl").read_bytes()
    assert hgb("run", "--resume", str(finished)) == 0
    assert (finished / "records.jsonl").read_bytes() == before


def test_resume_measures_what_is_missing(finished: Path, hgb: Hgb, tmp_path: Path) -> None:
    """A run without its last records is completed, and the others are kept to the byte."""
    folder = tmp_path / "cut"
    folder.mkdir()
    (folder / "run.json").write_bytes((finished / "run.json").read_bytes())
    lines = (finished / "records.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "records.jsonl").write_bytes(lines[0] + lines[1][:40])
    assert hgb("run", "--resume", str(folder)) == 0
    resumed = (folder / "records.jsonl").read_bytes().splitlines(keepends=True)
    assert resumed[0] == lines[0]
    ids = [[json.loads(line)["id"] for line in one] for one in (lines, resumed)]
    assert sorted(ids[0]) == sorted(ids[1])


def test_a_corrupt_line_is_named_and_the_rest_is_kept(
    finished: Path, hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`table` shows the good records and leaves with 2; `--resume` mends."""
    folder = tmp_path / "corrupt"
    folder.mkdir()
    (folder / "run.json").write_bytes((finished / "run.json").read_bytes())
    lines = (finished / "records.jsonl").read_text().splitlines()
    (folder / "records.jsonl").write_text("\n".join(["{ not a record", *lines[1:]]) + "\n")
    assert hgb("table", str(folder)) == 2
    shown = capsys.readouterr()
    assert "OneStep" in shown.out + shown.err
    assert "records.jsonl:1: not a line of JSON" in shown.err
    assert hgb("run", "--resume", str(folder)) == 0
    assert "records.jsonl:1" in capsys.readouterr().err
    assert (folder / "records.rejected.jsonl").read_text() == "{ not a record\n"
    assert hgb("table", str(folder)) == 0


def test_rerun_finds_a_record_and_gets_the_same_inputs(
    finished: Path, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """One case can be measured again from its id."""
    record = run_folder(finished).journal.read().entries[0]
    assert hgb("rerun", record.id[:8], "--run", str(finished)) == 0
    assert "The inputs are the same bits." in capsys.readouterr().out
    assert hgb("rerun", "ffffffffffff", "--run", str(finished)) == 2
    assert "no record with id 'ffffffffffff'" in capsys.readouterr().err


def test_list_is_complete_and_machine_readable(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """`hgb list --json` names every public entry with a sentence."""
    assert hgb("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {one["name"] for one in listed["methods"]} >= {"closed-form", "implicit", "unrolled", "one-step"}
    assert all(one["summary"] for kind in listed.values() for one in kind)
    assert hgb("list") == 0
    printed = capsys.readouterr().out
    assert "closed-form" in printed
    assert "sum_j kernel[j] x[i + c - j]" in " ".join(printed.split()), "no index is taken for a style"


@pytest.mark.parametrize("command", ["run", "list", "table", "rerun", "check"])
def test_every_command_explains_itself_by_an_example(
    command: str, hgb: Hgb, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` shows how a command is typed."""
    assert hgb(command, "--help") == 0
    assert f"hgb {command}" in capsys.readouterr().out


def folder_of(tmp_path: Path, name: str, content: bytes | None) -> str:
    """A folder with one file of this content, or none."""
    folder = tmp_path / "images"
    folder.mkdir()
    if content is not None:
        (folder / name).write_bytes(content)
        (folder / f"second-{name}").write_bytes(content)
    return str(folder)


def png(tmp_path: Path) -> bytes:
    """The bytes of a good picture."""
    path = tmp_path / "good.png"
    Image.effect_noise((32, 32), 50).save(path)
    return path.read_bytes()


def test_bad_image_folders_are_refused(hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing, empty, unreadable as pictures, truncated: each is said, with exit status 2."""
    images = ("run", "--suite", "smoke", "--regularizer", "fields-of-experts", "--images")
    assert hgb(*images, "nowhere") == 2
    assert "nowhere" in capsys.readouterr().err
    empty = folder_of(tmp_path / "a" if (tmp_path / "a").mkdir() is None else tmp_path, "x", None)
    assert hgb(*images, empty) == 2
    assert "no" in capsys.readouterr().err
    (tmp_path / "b").mkdir()
    assert hgb(*images, folder_of(tmp_path / "b", "cut.png", png(tmp_path)[:200])) == 2
    assert "cut.png" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("Dense(jnp.ones((3, 5)))", "needs signals of shape"),
        ("Dense(jnp.full((7, 8), jnp.nan))", "matrix must be finite"),
    ],
)
def test_a_plugin_with_a_bad_operator_is_refused(
    source: str, message: str, hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """W of the wrong width, or not finite: what a constructor says reaches the user."""
    plugin = tmp_path / "narrow.py"
    plugin.write_text(
        "import jax.numpy as jnp\n"
        "from hypergrad_bench.problems import AnalysisL1, Dense, pytree\n"
        "@pytree\n"
        "class Narrow(AnalysisL1):\n"
        "    @classmethod\n"
        "    def initial(cls, shape, seed):\n"
        f"        return AnalysisL1({source}, jnp.asarray(0.1))\n"
    )
    assert (
        hgb("run", "--suite", "smoke", "--plugin", str(plugin), "--regularizer", "narrow", "--size", "8") == 2
    )
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return Mask(jnp.ones(3))", "mask must have the signal's shape (8,); got (3,)"),
        ("return Mask(jnp.full(shape, jnp.nan))", "mask must be finite; 8 of its 8 entries"),
        ("return Dense(jnp.full((4, 8), 1e200) * 1e200)", "matrix must be finite"),
    ],
)
def test_a_plugin_with_a_bad_task_is_refused(
    body: str, message: str, hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mask of the wrong shape, NaN in an operator: refused before anything is measured."""
    plugin = tmp_path / "broken_task.py"
    plugin.write_text(
        "import jax.numpy as jnp\n"
        "from hypergrad_bench.problems import Dense, Mask, configuration\n"
        "@configuration\n"
        "class Broken:\n"
        "    noise: float = 0.1\n"
        "    def operator(self, shape, seed):\n"
        f"        {body}\n"
    )
    options = (
        "--suite",
        "smoke",
        "--plugin",
        str(plugin),
        "--task",
        "broken",
        "--regularizer",
        "analysis-l1",
    )
    assert hgb("run", *options, "--size", "8") == 2
    assert message in capsys.readouterr().err


def test_nan_in_the_measurement_is_refused(
    hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ground truth that is not a number never becomes a row."""
    plugin = tmp_path / "nan_truth.py"
    plugin.write_text(
        "import numpy as np\n"
        "from hypergrad_bench.problems import configuration\n"
        "@configuration\n"
        "class Holes:\n"
        "    def sample(self, shape, count, seed, split='train'):\n"
        "        return np.full((count, *shape), np.nan)\n"
        "    def supports(self, shape):\n"
        "        return None\n"
    )
    assert hgb("run", *TINY, "--plugin", str(plugin), "--data", "holes") == 2
    assert "NaN" in capsys.readouterr().err


def test_unwritable_and_occupied_folders_are_refused(
    hgb: Hgb, tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run never writes over another, and says where it cannot write."""
    occupied = shutil.copytree(repository / "results" / "overhead-cpu", tmp_path / "occupied")
    (tmp_path / "file").write_text("in the way")
    assert hgb("run", *TINY, "--out", str(tmp_path / "file" / "run")) == 2
    assert "cannot write to" in capsys.readouterr().err
    assert hgb("run", *TINY, "--out", str(occupied)) == 2
    assert "--resume" in capsys.readouterr().err
    assert hgb("run", "--resume", str(tmp_path / "missing")) == 2
    assert "is not the folder of a run" in capsys.readouterr().err
    if os.geteuid() != 0:
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o500)
        assert hgb("run", *TINY, "--out", str(locked / "run")) == 2


def test_a_device_that_is_not_there_is_said(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown device has its nearest match."""
    assert hgb("run", *TINY, "--device", "cdua") == 2
    assert "did you mean 'cuda'?" in capsys.readouterr().err
