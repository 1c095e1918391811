"""`hgb table` on folders of trainings, whole and damaged; nothing is trained."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from hypergrad_bench.bench.records.curve_point import CurvePoint
from hypergrad_bench.bench.runs.comparison import ComparisonFile
from hypergrad_bench.bench.runs.training_file import TrainingFile
from hypergrad_bench.bench.training.request import TrainingRequest


def step(number: int) -> str:
    return CurvePoint(
        step=number,
        seconds=0.5 * number,
        loss=1.0 / number,
        psnr=20.0 + number,
        gradient_norm=1.0,
        solver_steps=3.0,
        residual=1e-9,
        adjoint_residual=1e-7,
        failed=0,
        taken=True,
        test_psnr=19.0 + number,
        gradient_error=1e-4,
    ).to_line()


def write_training(folder: Path, method: str = "OneStep()") -> Path:
    """A training of four steps, as it would be left."""
    folder.mkdir(parents=True)
    about = TrainingFile(
        request=TrainingRequest(steps=4),
        choices={
            "task": "denoising",
            "regularizer": "analysis-l1",
            "method": method,
            "solver": "DualFista()",
        },
        parameters={},
        command=["hgb", "train"],
        created="2026-01-01T12:00:00+00:00",
        environment={},
    )
    (folder / "training.json").write_text(about.model_dump_json())
    (folder / "curve.jsonl").write_text("".join(f"{step(number)}\n" for number in range(1, 5)))
    save_file({"step": np.array(4)}, folder / "state.safetensors")
    return folder


@pytest.fixture
def training(tmp_path: Path) -> Path:
    return write_training(tmp_path / "learned")


@pytest.fixture
def comparison(tmp_path: Path) -> Path:
    folder = tmp_path / "both"
    write_training(folder / "1-one-step")
    write_training(folder / "2-phantom", "Phantom()")
    about = ComparisonFile(
        methods=("one-step", "phantom"),
        request=TrainingRequest(steps=4),
        command=["hgb", "compare-training"],
        created="2026-01-01T12:00:00+00:00",
        environment={},
    )
    (folder / "comparison.json").write_text(about.model_dump_json())
    return folder


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_table_of_a_training_is_printed_and_written(hgb, training, capsys):
    before = left(training)
    for form in ("terminal", "md", "csv"):
        assert hgb("table", str(training), "--no-write", "--format", form) == 0
        assert "adjoint residual" in capsys.readouterr().out
        assert left(training) == before
    assert hgb("table", str(training), "--format", "csv") == 0
    assert "Curve,4,PSNR,24.00\n" in capsys.readouterr().out
    assert left(training) - before == {"README.md", "figures"}
    assert (training / "figures" / "psnr.png").stat().st_size > 0
    assert "4 of 4 steps in 2 s, 0 of them flagged" in (training / "README.md").read_text()


def test_a_torn_line_and_a_missing_state_are_named(hgb, training, capsys):
    curve = training / "curve.jsonl"
    curve.write_text(curve.read_text() + step(5)[:40])
    (training / "state.safetensors").unlink()
    assert hgb("table", str(training), "--no-write") == 2
    said = capsys.readouterr()
    assert "23.00" in said.out
    assert "left out: " in said.err
    assert "curve.jsonl:5: " in said.err
    assert "1 lines of the curve are left out; `hgb train --resume" in said.err
    assert "state.safetensors is missing; `hgb train --resume" in said.err
    (training / "state.safetensors").write_bytes(b"torn")
    assert hgb("table", str(training), "--no-write") == 2
    assert "state.safetensors cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "status", "message"),
    [
        ("training.json", None, 2, "is not the folder of a training: cannot read"),
        ("training.json", "{}", 2, "training.json is damaged: a training without the required field"),
        ("curve.jsonl", None, 0, "has no curve yet; `hgb train --resume"),
        ("curve.jsonl", "", 0, "no step of 4 is recorded yet"),
    ],
)
def test_a_damaged_folder_gives_a_sentence(hgb, training, capsys, name, content, status, message):
    (training / name).unlink()
    if content is not None:
        (training / name).write_text(content)
    assert hgb("table", str(training), "--no-write") == status
    said = capsys.readouterr()
    assert message in said.out + said.err


def test_the_table_of_a_comparison_holds_all_curves(hgb, comparison, capsys):
    assert hgb("table", str(comparison), "--no-write", "--format", "md") == 0
    said = capsys.readouterr().out
    assert "## Trainings" in said
    assert "## Curve of Phantom()" in said
    assert not (comparison / "README.md").exists()
    assert hgb("table", str(comparison)) == 0
    assert (comparison / "figures" / "training.png").exists()
    capsys.readouterr()
    shutil.rmtree(comparison / "2-phantom")
    curve = comparison / "1-one-step" / "curve.jsonl"
    curve.write_text(curve.read_text() + "torn")
    assert hgb("table", str(comparison), "--no-write") == 2
    said = capsys.readouterr()
    assert "phantom is left out" in said.err
    assert "hgb compare-training --resume" in said.err
    assert "Curve of OneStep()" in said.out
