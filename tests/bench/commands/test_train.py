"""`hgb train`: folders, curves, resume and refusals."""

import hashlib
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

from hypergrad_bench.bench.runs.training_file import TrainingFile, training_folder
from hypergrad_bench.bench.runs.training_run import LATER_FIELDS
from hypergrad_bench.bench.training import training_step
from hypergrad_bench.bench.training.request import TrainingRequest
from hypergrad_bench.bench.training.upper_levels.level_trainer import LevelTrainer
from hypergrad_bench.problems import load_regularizer

TINY = (
    "train",
    "--size",
    "8",
    "--pairs",
    "4",
    "--batch",
    "2",
    "--solver",
    "dual-fista",
    "--method",
    "one-step",
)


@pytest.fixture(autouse=True)
def _usual_promotion():
    """Let optax multiply its whole-number step with numbers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def points(folder: str) -> list[dict[str, float]]:
    return [json.loads(line) for line in (Path(folder) / "curve.jsonl").read_text().splitlines()]


def test_a_training_leaves_curve_state_and_regulariser(hgb, capsys):
    assert hgb(*TINY, "--steps", "12", "--out", "learned", "--keep", "exp") == 0
    said = capsys.readouterr()
    assert "The regulariser, its curve and state are in learned" in said.out
    assert "steps/s" in said.err
    curve = points("learned")
    assert [point["step"] for point in curve] == list(range(1, 13))
    assert all(point["taken"] and point["failed"] == 0 for point in curve)
    assert all(point["residual"] <= 1e-6 for point in curve)
    assert [point["seconds"] for point in curve] == sorted(point["seconds"] for point in curve)
    about = training_folder(Path("learned")).about()
    assert about.parameters["weight"] == "not negative: exp of the number that is learned"
    assert about.choices["method"] == "OneStep()"
    state = load_file("learned/state.safetensors")
    assert state["step"] == 12
    assert kept_name("learned/state.safetensors") == first_name(about)
    np.testing.assert_allclose(np.exp(state["free.weight"]), load_regularizer("learned").weight)
    before = Path("learned/state.safetensors").read_bytes()
    assert hgb("train", "--resume", "learned") == 0
    assert Path("learned/state.safetensors").read_bytes() == before
    assert points("learned") == curve


def kept_name(path: str) -> str:
    with safe_open(path, framework="numpy") as file:
        return file.metadata()["training"]


def first_name(about: TrainingFile) -> str:
    """The digest of a request's first fields, by which states were named before it had others."""
    asked = about.request.model_dump(mode="json", exclude={*LATER_FIELDS})
    return hashlib.sha256(json.dumps([asked, about.choices]).encode()).hexdigest()[:16]


def test_fields_that_requests_did_not_have_at_first_are_named():
    """Else a new field would make another training of every state that was kept before."""
    first = """regularizer task method solver size data images plugins pairs batch steps optimizer rate
        schedule learn keeping noise weight dtype max_steps tolerance seed starts failed_steps devices
        curve_every look_every test_pairs"""
    assert [name for name in TrainingRequest.model_fields if name not in LATER_FIELDS] == first.split()


def test_a_training_that_diverges_keeps_the_last_good_parameters(hgb, capsys, monkeypatch):
    monkeypatch.setattr(training_step, "EXPLODED", 0.0)
    assert hgb(*TINY, "--steps", "9", "--out", "learned") == 2
    assert "training diverged at step 1 of 9" in capsys.readouterr().err
    kept = load_regularizer("learned")
    np.testing.assert_array_equal(kept.weight, 0.1)
    assert points("learned")[-1]["taken"] is False
    assert hgb("train", "--resume", "learned") == 2
    assert "training diverged at step 1 of 9" in capsys.readouterr().err


def test_steps_that_fail_are_counted_and_said(hgb, capsys):
    failing = ("--steps", "120", "--max-steps", "1", "--starts", "cold", "--curve-every", "50")
    assert hgb(*TINY, *failing, "--out", "learned") == 2
    assert "training is stuck at step 100 of 120: the last 100 steps failed" in capsys.readouterr().err
    assert len(points("learned")) == 100


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_folder_of_images_is_learned_from(hgb, mode):
    """Grey and colour; the curve of a folder whose images have changed is not gone on with."""
    Path("photos").mkdir()
    generator = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        shape = (9, 9) if mode == "L" else (9, 9, 3)
        Image.fromarray(generator.integers(0, 255, shape, np.uint8)).save(f"photos/{name}.png")
    size = "8x8" if mode == "L" else "8x8x3"
    asked = ("--size", size, "--images", "photos", "--regularizer", "wavelet-l1", "--method", "one-step")
    few = ("--pairs", "2", "--batch", "2", "--solver", "forward-backward", "--tolerance", "1e-3")
    assert hgb("train", *asked, *few, "--steps", "2", "--dtype", "float32", "--out", "learned") == 0
    kept = load_regularizer("learned")
    assert kept.detail.shape[-1] == (1 if mode == "L" else 3)
    assert str(kept.detail.dtype) == "float32"
    Path("photos/a.png").write_bytes(Path("photos/b.png").read_bytes())
    assert hgb("train", "--resume", "learned") == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--regularizer", "analysis"), "unknown regularizer 'analysis'"),
        (("--method", "closed-from"), "did you mean 'closed-form'?"),
        (("--solver", "nesterov"), "Nesterov(): AnalysisL1 is not"),
        (("--optimizer", "adm"), "'adm' is no optimiser of optax"),
        (("--rate", "0"), "the learning rate must be positive"),
        (("--batch", "9"), "a batch of 9 is more than the 4 pairs"),
        (("--devices", "64"), "--devices 64: JAX has"),
        (("--learn", "filters"), "'filters' is no parameter of AnalysisL1"),
        (("--keep", "project"), "did you mean 'projection'?"),
        (("--failed-steps", "drop"), "accepted: skip, take"),
        (("--size", "8x8x4"), "size is '8x8x4'"),
        (("--data", "photographs"), "data 'photographs'"),
        (("--images", "gone"), "gone"),
        (("--images", "gone", "--data", "dct-sparse"), "are both ground truths; give one"),
        (("--tolerance", "2"), "tolerance must be at least 0 and below 1"),
        (("--noise", "-1"), "noise must be a standard deviation"),
        (("--resume", "learned"), "--resume takes its options from the training's folder"),
    ],
)
def test_bad_options_are_named(hgb, capsys, options, message):
    assert hgb(*TINY, *options) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().glob("results/local/*"))


def test_a_folder_that_is_no_training_is_named(hgb, capsys):
    assert hgb("train", "--resume", "nowhere") == 2
    assert "nowhere is not the folder of a training" in capsys.readouterr().err


@pytest.mark.slow
def test_methods_are_compared_on_one_problem(hgb, capsys):
    """A comparison that was stopped between two trainings goes on with the second."""
    few = ("--steps", "4", "--look-every", "2", "--test-pairs", "2", "--out", "both")
    compared = ("compare-training", *TINY[1:-2], "--method", "one-step", "--method", "phantom(steps=3)")
    assert hgb(*compared, *few) == 0
    said = capsys.readouterr().out
    assert "Phantom(steps=3)" in said
    assert "after equal time" in Path("both/README.md").read_text()
    looks = [point for point in points("both/1-one-step") if point["test_psnr"] is not None]
    assert [point["step"] for point in looks] == [1, 3, 4]
    assert all(point["gradient_error"] > 0 for point in looks)
    for path in sorted(Path("both/2-phantom").iterdir()):
        path.unlink()
    assert hgb("compare-training", "--resume", "both") == 0
    assert len(points("both/2-phantom")) == 4
    assert hgb("compare-training", "--method", "one-step") == 2
    assert "two or more different methods are compared; got one-step" in capsys.readouterr().err


LEVEL = ("train", "--size", "6", "--pairs", "3", "--steps", "6")
QUADRATIC = (*LEVEL, "--plugin", "quadratic.py", "--regularizer", "typed-quadratic")


@pytest.fixture
def _quadratic(hgb):
    """A regulariser that compiles fast, as a plug-in."""
    oracle = Path(__file__).parents[2] / "oracles" / "quadratic_levels.py"
    Path("quadratic.py").write_text(oracle.read_text().replace("DiagonalQuadratic", "TypedQuadratic"))


def without_seconds(folder: str) -> list[dict[str, float]]:
    return [{**point, "seconds": 0.0} for point in points(folder)]


@pytest.mark.usefixtures("_quadratic")
def test_an_upper_level_that_was_stopped_goes_on_to_the_same_bits(hgb, capsys, monkeypatch):
    asked = (*QUADRATIC, "--upper-level", "inexact-sgd", "--rate", "2", "--batch", "2")
    assert hgb(*asked, "--out", "alone") == 0
    assert "InexactSgd(batch=2, steps=PowerDecay(first=2.0)" in capsys.readouterr().err
    whole, calls = LevelTrainer.advance, []

    def stopped(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(LevelTrainer, "advance", stopped)
        assert hgb(*asked, "--out", "stopped") == 130
    assert len(points("stopped")) < 6
    assert hgb("train", "--resume", "stopped") == 0
    states = [load_file(f"{folder}/state.safetensors") for folder in ("alone", "stopped")]
    jax.tree.map(np.testing.assert_array_equal, *states)
    assert without_seconds("alone") == without_seconds("stopped")
    first = points("alone")[0]
    assert first["level"]["least"] <= first["loss"] <= first["level"]["most"]
    assert (first["level"]["accuracy"], first["level"]["certified_fall"]) == (0.1, None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--upper-level", "made"), "unknown upper level 'made'; did you mean 'maid'?"),
        (("--upper-level", "maid", "--optimizer", "adam"), "--optimizer does not go with --upper-level maid"),
        (("--upper-level", "maid", "--batch", "2"), "every step takes all pairs"),
        (("--upper-level", "maid", "--solver", "admm"), "where Admm() cannot begin"),
        (("--upper-level", "maid"), "does not bound how its Hessian varies"),
        (("--upper-level", "inexact-sgd", *QUADRATIC[-4:]), "a batch of 5 cannot be drawn from 3 pairs"),
    ],
)
@pytest.mark.usefixtures("_quadratic")
def test_what_does_not_go_with_an_upper_level_is_named(hgb, capsys, options, message):
    assert hgb(*LEVEL, *options) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().glob("results/local/*"))
