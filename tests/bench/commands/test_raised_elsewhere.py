"""What a plug-in raises in a training, a restoration or a picture: a sentence, as in a run it is a status."""

from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
import pytest
from generated import hgb
from refusals import nothing_but_refusals

from hypergrad_bench.bench.runs.run_file import run_folder
from hypergrad_bench.problems import AnalysisL1, save_regularizer

SOURCE = """
import jax.numpy as jnp
from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.problems import configuration
from hypergrad_bench.solvers import SolverTraits


@configuration
class Raising:
    traits = MethodTraits()

    def supports(self, solver, lower):
        return None

    def __call__(self, solver, budget, lower, start=None):
        raise RuntimeError("what went\\nwrong")


@configuration
class Falling:
    traits = SolverTraits()

    def supports(self, lower):
        return None

    def init(self, lower):
        raise KeyError("what went wrong")

    def step(self, lower, state):
        return state

    def iterate(self, lower, state):
        return state[0]

    def residual(self, lower, state):
        return jnp.zeros(())
"""
TRAIN = ("train", "--size", "8", "--pairs", "2", "--batch", "1", "--steps", "1", "--plugin", "plugin.py")
RUN = (
    *("run", "--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8"),
    *("--batch", "1", "--plugin", "plugin.py", "--no-isolate", "--out", "run"),
)


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the plug-in, a regulariser and an image."""
    folder = tmp_path_factory.mktemp("somewhere")
    (folder / "plugin.py").write_text(SOURCE)
    (folder / "images").mkdir()
    image = np.random.default_rng(0).uniform(size=(16, 16))
    for name in ("image.npy", "images/one.npy"):
        np.save(folder / name, image, allow_pickle=False)
    save_regularizer(folder / "model", AnalysisL1.initial((16, 16), 0))
    with nothing_but_refusals(folder):
        yield folder


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (*TRAIN, "--method", "raising", "--out", "new"),
            "the training cannot begin: RuntimeError: what went",
        ),
        (
            (*TRAIN, "--solver", "falling", "--out", "new"),
            "the training cannot begin: KeyError: 'what went wrong'",
        ),
        (
            ("reconstruct", "image.npy", "-o", "new", "--model", "model", "--solver", "falling"),
            "--out new must end in one of",
        ),
        (
            ("reconstruct", "image.npy", "-o", "new.npy", "--model", "model", "--solver", "falling"),
            "the solve failed: KeyError: 'what went wrong'",
        ),
        (
            ("evaluate", "--images", "images", "--model", "model", "--solver", "falling"),
            "the solve failed: KeyError: 'what went wrong'",
        ),
    ],
    ids=["method", "solver", "ending", "reconstruct", "evaluate"],
)
def test_it_is_told(somewhere: Path, arguments: tuple[str, ...], said: str) -> None:
    """With exit status 2, and nothing written."""
    plugin = () if "--plugin" in arguments else ("--plugin", "plugin.py")
    with jax.numpy_dtype_promotion("standard"):  # as optax has it
        ended = hgb(*arguments, *plugin)
    assert ended.status == 2, ended.err
    assert said in ended.err.replace("\n", " ")
    assert "Traceback" not in ended.err
    assert not list(somewhere.glob("new*"))


def test_a_picture_that_cannot_be_drawn_is_told(somewhere: Path) -> None:
    """The record is shown all the same."""
    assert hgb(*RUN, "--method", "raising").status == 0
    record = run_folder(somewhere / "run").journal.read().entries[0]
    ended = hgb("show", record.id, "--run", "run", "--picture", "new.png")
    assert ended.status == 2, ended.err
    assert "cannot be drawn: RuntimeError: what went" in ended.err
    assert "Raising()" in ended.out
    assert not (somewhere / "new.png").exists()
