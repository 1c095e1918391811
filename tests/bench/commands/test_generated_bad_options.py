"""One option of a good command line is made bad: a sentence says so, and nothing is written."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from generated import hgb
from hypothesis import given
from hypothesis import strategies as st
from refusals import files, misspelt, nothing_but_refusals, number_beyond, of_all, refused, whole_beyond
from synthetic_records import measured

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.paper_claims import ALL, PAPERS
from hypergrad_bench.bench.commands import reconstruct as reconstruct_command
from hypergrad_bench.bench.commands import train_denoiser
from hypergrad_bench.bench.grid import expand
from hypergrad_bench.bench.grid.limits import LARGEST_SEED, MOST_MEMORY, MOST_ROUNDS, MOST_SEEDS, MOST_STEPS
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.grid.suites import SUITES, TOLERANCES
from hypergrad_bench.bench.records.record import SIZE
from hypergrad_bench.bench.restoring import evaluation, pieces
from hypergrad_bench.bench.runs import training_run
from hypergrad_bench.bench.runs.reproduce import built_in_reproductions
from hypergrad_bench.bench.runs.run_file import RunFile, run_folder
from hypergrad_bench.bench.training import choices
from hypergrad_bench.problems import AnalysisL1, save_regularizer

Value = st.SearchStrategy[str]


def names(kind: str) -> Value:
    """Nearly a name of the catalogue."""
    return misspelt(vars(built_in())[kind])


def words(kind: Any) -> Value:
    """Nearly one of a few words."""
    return misspelt(get_args(kind))


NO_SIZE = st.text("0123456789x×X*,. -", min_size=1, max_size=7).filter(
    lambda text: bool(text.strip()) and not text.startswith("-") and not re.fullmatch(SIZE, text)
)
POSITIVE = whole_beyond(1, MOST_STEPS)
NOISE = number_beyond(0.0, math.inf)
TOLERANCE = number_beyond(0.0, 1.0)
FOLDER = st.sampled_from(["nowhere", "words.py", "words.py/under", "pictures", "a" * 300])
PLUGIN = st.sampled_from(["nowhere.py", "pictures", "words.py", "words.txt", "a" * 300])
TAKEN = st.sampled_from(["words.py", "model", "a" * 300])
IMAGE = st.sampled_from(["nowhere.png", "words.py", "words.png", "pictures", "a" * 300 + ".png"])
NO_DEVICE = misspelt(["cpu", "cuda"])
RUN: dict[str, Value] = {
    "--suite": misspelt(SUITES) | st.sampled_from(sorted(built_in_reproductions())),
    "--task": names("tasks"),
    "--regularizer": names("regularizers"),
    "--solver": names("solvers"),
    "--method": names("methods"),
    "--size": NO_SIZE | st.sampled_from(["0", "8x", "8x8x4", "9" * 9, "٣"]),
    "--dtype": misspelt(TOLERANCES),
    "--seeds": whole_beyond(1, MOST_SEEDS),
    "--batch": whole_beyond(1, None) | st.integers(min_value=2**40).map(str),
    "--data": names("data"),
    "--images": FOLDER,
    "--noise": NOISE,
    "--weight": number_beyond(0.0, math.inf),
    "--max-steps": POSITIVE,
    "--tolerance": TOLERANCE,
    "--rounds": whole_beyond(1, MOST_ROUNDS),
    "--plugin": PLUGIN,
    "--out": TAKEN,
    "--resume": FOLDER,
    "--device": NO_DEVICE,
    "--case-seconds": number_beyond(1.0, math.inf),
    "--case-memory": number_beyond(0.1, math.nextafter(MOST_MEMORY, math.inf)),
    "--workers": whole_beyond(1, 10**4),
}
TRAIN: dict[str, Value] = {
    "--regularizer": names("regularizers"),
    "--task": names("tasks"),
    "--method": names("methods"),
    "--solver": names("solvers"),
    "--size": NO_SIZE | st.sampled_from(["0", "8x8x4"]),
    "--data": names("data"),
    "--images": FOLDER,
    "--pairs": POSITIVE,
    "--batch": POSITIVE,
    "--steps": POSITIVE,
    "--schedule": words(choices.Schedule),
    "--keep": words(choices.Keeping),
    "--starts": words(choices.Starts),
    "--failed-steps": words(choices.FailedSteps),
    "--noise": NOISE,
    "--weight": number_beyond(0.0, math.inf),
    "--dtype": misspelt(TOLERANCES),
    "--max-steps": POSITIVE,
    "--tolerance": TOLERANCE,
    "--seed": whole_beyond(0, LARGEST_SEED),
    "--look-every": POSITIVE,
    "--test-pairs": POSITIVE,
    "--plugin": PLUGIN,
    "--out": TAKEN,
    "--resume": FOLDER,
    "--device": NO_DEVICE,
}
RESTORED: dict[str, Value] = {
    "--task": names("tasks"),
    "--noise": NOISE,
    "--kernel": IMAGE,
    "--width": number_beyond(0.0, math.inf),
    "--factor": whole_beyond(1, None) | st.integers(min_value=10**4).map(str),
    "--mask": IMAGE,
    "--model": FOLDER,
    "--max-steps": POSITIVE,
    "--tolerance": TOLERANCE,
    "--solver": names("solvers"),
    "--plugin": PLUGIN,
    "--device": NO_DEVICE,
    "--index": whole_beyond(0, None),
}
COMMANDS: dict[str, tuple[list[str], dict[str, Value]]] = {
    "run": (
        [
            *("--suite", "smoke", "--task", "denoising", "--regularizer", "analysis-l1", "--size", "8"),
            *("--batch", "1", "--method", "one-step", "--solver", "dual-fista"),
        ],
        RUN,
    ),
    "train": (
        ["--size", "8", "--pairs", "4", "--batch", "2", "--steps", "3", "--method", "one-step"],
        {
            **TRAIN,
            "--devices": POSITIVE,
            "--curve-every": POSITIVE,
            "--upper-level": misspelt(["maid", "fixed-tolerances"]),
        },
    ),
    "compare-training": (
        ["--size", "8", "--pairs", "4", "--steps", "3", "--method", "one-step", "--method", "closed-form"],
        TRAIN,
    ),
    "reconstruct": (
        ["image.npy", "-o", "new.png", "--model", "model"],
        {
            **RESTORED,
            "--weight": number_beyond(0.0, math.inf, without_least=True),
            "--bits": misspelt(["8", "16", "float"]),
            "--truth": IMAGE,
            "--out": st.sampled_from(["new.gif", "new", "nowhere/new.png", "pictures", "words.py/new.png"]),
        },
    ),
    "evaluate": (
        ["--images", "judged", "--model", "model"],
        {
            **RESTORED,
            "--images": FOLDER,
            "--tune": FOLDER | st.just("judged"),
            "--seed": whole_beyond(0, None),
            "--format": misspelt(["terminal", "markdown", "csv", "latex"]),
            "--baseline": misspelt(["tv", "tv-isotropic", "dct", "wavelets"]),
        },
    ),
    "advise": (
        ["--size", "64", "--params", "8", "--from", "recorded"],
        {
            "--size": NO_SIZE,
            "--params": whole_beyond(1, None),
            "--dtype": misspelt(TOLERANCES),
            "--memory": st.sampled_from(["0", "-1", "2QiB", "nan", "lots", "1e", "GiB", "0x10", "2 Gi B"]),
            "--accuracy": number_beyond(0.0, 1.0, without_least=True),
            "--batch": whole_beyond(1, None),
            "--task": names("tasks"),
            "--regularizer": names("regularizers"),
            "--from": FOLDER,
        },
    ),
    "table": (
        ["recorded", "--no-write"],
        {
            "--format": misspelt(["terminal", "markdown", "csv", "latex"]),
            "--figures": misspelt(["png", "pdf", "svg"]),
            "--width": misspelt(["screen", "column", "page"]),
        },
    ),
    "export": (["recorded"], {"--format": misspelt(["parquet", "benchopt"]), "--out": st.just("words.py/a")}),
    "merge": (["recorded", "second"], {"": FOLDER, "--out": TAKEN}),
    "compare": (["recorded", "second"], {"--fail-above": number_beyond(1.0, math.inf)}),
    "show": (
        ["0123", "--run", "recorded"],
        {"--picture": st.sampled_from(["png", "a.gif", "a.png.", "a"]), "--run": FOLDER},
    ),
    "rerun": (["0123"], {"--run": FOLDER, "--device": NO_DEVICE}),
    "check": ([], {"": PLUGIN}),
    "list": ([], {"--plugin": PLUGIN}),
    "reproduce": (
        ["--quick"],
        {
            "": misspelt([*built_in_reproductions(), ALL, *(paper.name for paper in PAPERS)]),
            "--case-seconds": number_beyond(1.0, math.inf),
            "--case-memory": number_beyond(0.1, math.nextafter(MOST_MEMORY, math.inf)),
        },
    ),
    "train-denoiser": (
        ["--out", "weights.safetensors", "--steps", "1"],
        {
            "--goal": misspelt(["denoiser", "potential"]),
            "--steps": POSITIVE,
            "--batch": POSITIVE | st.integers(10**7, MOST_STEPS).map(str),
            "--side": whole_beyond(8, None) | st.integers(min_value=10**4).map(str),
            "--seed": whole_beyond(0, LARGEST_SEED),
            "--pause": POSITIVE,
            "--out": st.sampled_from(["weights", "nowhere/a.safetensors", "words.py/a.safetensors"]),
            "--device": NO_DEVICE,
        },
    ),
}


WITH = {
    "--kernel": ["--task", "deconvolution"],
    "--width": ["--task", "deconvolution"],
    "--index": ["--task", "deconvolution", "--kernel", "kernel.npy"],
    "--factor": ["--task", "super-resolution", "--kernel", "kernel.npy"],
    "--mask": ["--task", "inpainting"],
    "--baseline": ["--tune", "others"],
}
"""What gives an option its place."""


class TooFar(BaseException):
    """What nobody catches."""


def nothing_is_solved(*arguments: object) -> None:
    """Stand in for what takes long, and must not be reached by bad input."""
    raise TooFar(f"bad input went as far as {arguments}")


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all that good command lines name, and with files and folders of other kinds."""
    folder = tmp_path_factory.mktemp("somewhere")
    (folder / "words.py").write_text("no Python\n")
    (folder / "words.txt").write_text("no Python\n")
    (folder / "words.png").write_text("no image\n")
    (folder / "pictures").mkdir()
    given: dict[str, Any] = {"cases": 1, "command": ["hgb"], "created": "", "environment": {}}
    for name in ("recorded", "second"):
        (folder / name).mkdir()
        (folder / name / "records.jsonl").write_text(measured(size="64").to_line() + "\n")
        run_folder(folder / name).write_about(RunFile(selection=Selection(), **given))
    (folder / "judged").mkdir()
    (folder / "others").mkdir()
    for seed, name in enumerate(("judged/one.npy", "judged/two.npy", "others/three.npy", "image.npy")):
        image = np.random.default_rng(seed).uniform(size=(16, 16))
        np.save(folder / name, image, allow_pickle=False)
    np.save(folder / "kernel.npy", np.ones((3, 3)), allow_pickle=False)
    save_regularizer(folder / "model", AnalysisL1.initial((16, 16), 0))
    with nothing_but_refusals(folder), pytest.MonkeyPatch.context() as patch:
        for module in (expand, pieces, train_denoiser):
            patch.setattr(module, "memory_limit", lambda: 2.0**33)
        patch.setattr(reconstruct_command, "watched_solve", nothing_is_solved)
        patch.setattr(evaluation, "solved", nothing_is_solved)
        patch.setattr(training_run, "prepared", nothing_is_solved)
        yield folder


def arguments_with(command: str, option: str, value: str) -> list[str]:
    """Return a command line in which one option has another value, in the place of the one that it has."""
    sound, _ = COMMANDS[command]
    if not option:
        return [command, *sound, "--", value]
    left = list(sound)
    if option in left:
        place = left.index(option)
        left = left[:place] + left[place + 2 :]
    needed = WITH.get(option, []) if command in ("reconstruct", "evaluate") else []
    return [command, *left, *needed, f"{option}={value}"]


@given(data=st.data())
@of_all(0.3)
def test_a_bad_value_is_refused(somewhere: Path, data: st.DataObject) -> None:
    """With what was given or the option's name, and what is accepted."""
    command = data.draw(st.sampled_from(sorted(COMMANDS)))
    option = data.draw(st.sampled_from(sorted(COMMANDS[command][1])))
    value = data.draw(COMMANDS[command][1][option])
    before = files(somewhere)
    ended = hgb(*arguments_with(command, option, value))
    named = [option, option.strip("-").replace("-", " ")]
    if option == "--factor":
        named.append("an image of shape")  # what it would make
    refused(ended, [value, value.strip(), Path(value).name, repr(value)[1:-1], *named])
    assert files(somewhere) == before


@given(data=st.data())
@of_all(0.02)
def test_an_option_that_there_is_not(somewhere: Path, data: st.DataObject) -> None:
    """Nearly the name of one, or a command that is nearly one."""
    command = data.draw(st.sampled_from(sorted(COMMANDS)))
    sound, options = COMMANDS[command]
    known = [name.strip("-") for name in options if name]
    before = files(somewhere)
    if data.draw(st.booleans()) and known:
        wrong = "--" + data.draw(misspelt(known)).replace("=", "-").strip()
        ended = hgb(command, *sound, f"{wrong}=1")
    else:
        wrong = data.draw(misspelt(COMMANDS))
        ended = hgb(wrong, *sound)
    refused(ended, [wrong, repr(wrong)[1:-1]])
    assert files(somewhere) == before


@pytest.mark.parametrize(
    "command", ["run", "train", "compare-training", "reconstruct", "evaluate", "advise", "table", "export"]
)
def test_the_command_lines_are_good_before(somewhere: Path, command: str, tmp_path: Path) -> None:
    """They go on to what is left out here, or the tests above would show nothing."""
    sound, _ = COMMANDS[command]
    out = {"run", "train", "compare-training", "export"} & {command} and ("--out", str(tmp_path / "new"))
    ended = hgb(command, *sound, *(out or ()))
    reached = "bad input went as far as" in ended.err
    assert reached or ended.status == 0, ended.err
