"""Plug-ins: a user's file joins the catalogue, and `hgb check` says whether it conforms."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.entry import Origin
from hypergrad_bench.bench.catalogue.plugin import load_plugin, with_plugins
from hypergrad_bench.bench.conformance import checks
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.bench.runs.run_file import run_folder

PLUGINS = Path(__file__).parent / "plugins"
GOOD, BAD = PLUGINS / "good.py", PLUGINS / "bad.py"
Hgb = Callable[..., int]


def write(folder: Path, text: str) -> Path:
    """A plug-in with this text."""
    path = folder / "plugin.py"
    path.write_text(text)
    return path


def test_a_plugin_joins_the_catalogue() -> None:
    """Its classes are added, nothing else changes."""
    base = built_in()
    catalogue = with_plugins(base, [GOOD])
    own = catalogue.of_origin(Origin.PLUGIN)
    assert list(own.solvers) == ["heavy-ball"]
    assert list(own.methods) == ["truncated"]
    assert not own.tasks
    assert not own.regularizers
    assert catalogue.methods.items() >= base.methods.items()


def test_loading_twice_gives_the_same_name(tmp_path: Path) -> None:
    """Messages name the module; two files of one name do not hide each other."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, second = (write(tmp_path / name, f"NAME = {name!r}\n") for name in ("one", "two"))
    assert load_plugin(first).__name__ == load_plugin(first).__name__
    assert load_plugin(first).__name__ != load_plugin(second).__name__
    assert load_plugin(second).NAME == "two"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_this_name\n", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("def broken(:\n", "SyntaxError"),
        ("NUMBER = 1\n", "defines no task, regulariser, ground truth, solver or method"),
        (
            "from hypergrad_bench.solvers import Cg\n",
            "defines no task, regulariser, ground truth, solver or method",
        ),
    ],
)
def test_a_file_that_is_no_plugin_is_refused(text: str, message: str, tmp_path: Path) -> None:
    """The sentence says what is wrong with it, and no half-loaded module stays."""
    before = set(sys.modules)
    with pytest.raises(UserError, match=message):
        with_plugins(built_in(), [write(tmp_path, text)])
    left = {name for name in set(sys.modules) - before if name.startswith("hypergrad_bench_plugin")}
    assert not left or "NUMBER" in text or "Cg" in text


def test_what_is_no_python_file_is_refused(tmp_path: Path) -> None:
    """A missing file and a folder."""
    for path, wrong in ((tmp_path / "missing.py", "there is no such file"), (tmp_path, "which is none")):
        with pytest.raises(UserError, match=f"a plug-in is a Python file, .*{wrong}"):
            load_plugin(path)


def test_only_the_plugins_own_is_checked() -> None:
    """Every subject is, or meets, something of the plug-in."""
    catalogue = with_plugins(built_in(), [GOOD])
    subjects = {check.subject for check in checks(catalogue, catalogue.of_origin(Origin.PLUGIN))}
    assert subjects
    assert all("HeavyBall()" in subject or "Truncated()" in subject for subject in subjects)
    assert any("Implicit() with HeavyBall()" in subject for subject in subjects)
    assert any("Truncated() with Nesterov()" in subject for subject in subjects)


def test_the_first_verdict_has_every_object_once_on_a_problem() -> None:
    """Settings, and a solver and a method each with one run against a reference."""
    catalogue = with_plugins(built_in(), [GOOD])
    first = [one.subject for one in checks(catalogue, catalogue.of_origin(Origin.PLUGIN)) if one.first]
    assert sorted(first[:2]) == ["HeavyBall()", "Truncated()"]
    assert [subject.partition(" ")[0] for subject in first[2:]] == ["HeavyBall()", "Truncated()"]


def test_the_first_verdict_finds_a_wrong_sign(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """It is quick because it leaves out problems, not because it leaves out the comparison."""
    assert hgb("check", str(BAD), "--first") == 2
    shown = capsys.readouterr().out
    assert any("WrongSign()" in line and "FAIL" in line for line in shown.splitlines())
    assert "more checks run without --first" in shown


@pytest.mark.slow
def test_check_passes_a_good_plugin(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0, and every finding in the table."""
    assert hgb("check", str(GOOD)) == 0
    shown = capsys.readouterr()
    assert "FAIL" not in shown.out
    assert " 0 of them failed" in shown.out
    assert shown.out.index("First verdict: ") < shown.out.index("pass ")
    assert "HeavyBall() on Denoising" in shown.err


@pytest.mark.slow
def test_check_finds_what_is_wrong_with_a_bad_plugin(hgb: Hgb, capsys: pytest.CaptureFixture[str]) -> None:
    """The sign error and the wrong adjoint are named, before everything that passed."""
    assert hgb("check", str(BAD)) == 2
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    marks = [line[0] for line in lines if line and line[0] in ("FAIL", "pass")]
    assert marks == sorted(marks)
    failures = [" ".join(line) for line in lines if line and line[0] == "FAIL"]
    assert any("WrongSign()" in line and "hypergradient" in line for line in failures)
    assert any("A of Shifting()" in line and "dot test" in line for line in failures)
    assert not any(word in line for line in failures for word in ("vmap", "jit", "trace", "layout"))


def test_check_refuses_what_is_no_plugin(
    hgb: Hgb, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit status 2 and one sentence."""
    assert hgb("check", str(tmp_path / "missing.py")) == 2
    assert "there is no such file" in capsys.readouterr().err


def test_a_plugin_runs_in_the_grid(hgb: Hgb, tmp_path: Path) -> None:
    """Its method and its solver get records like the built-in ones."""
    folder = tmp_path / "run"
    problem = (
        "--suite",
        "smoke",
        "--task",
        "denoising",
        "--regularizer",
        "fields-of-experts",
        "--size",
        "8x8",
    )
    own = ("--plugin", str(GOOD), "--method", "truncated", "--solver", "heavy-ball", "--solver", "nesterov")
    assert hgb("run", *problem, *own, "--out", str(folder)) == 0
    records = run_folder(folder).journal.read().entries
    assert {record.method for record in records} == {"Truncated()"}
    assert {record.solver for record in records} == {"HeavyBall()", "Nesterov()"}
    assert {record.status for record in records} == {"ok"}
    assert all(0 < record.relative_error < 1e-2 for record in records)


METHODS = """
    def sample(self, shape, count, seed, split="train"):
        return np.ones((count, *shape))
    def supports(self, shape):
        return None
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Truth:", r"Truth\(\) prints as <.*Truth object at 0x"),
        ("@configuration\nclass Truth:\n    of: object = lambda: 1", None),
        ("@dataclass(frozen=True)\nclass Truth:\n    of: object = lambda: 1", r"prints as Truth\(.* at 0x"),
        ("class Truth:\n    __repr__ = lambda self: f'Truth({id(self)})'", "prints as Truth"),
        ("class Truth:\n    __repr__ = lambda self: 'Other()'", r"prints as Other\(\)"),
        (
            "class Truth:\n    __repr__ = lambda self: 1 / 0",
            r"text \(ZeroDivisionError: division by zero\)",
        ),
        ("class Truth:\n    __repr__ = lambda self: f'Truth({set(\"ab\")})'", "prints as Truth"),
        (
            "class Truth:\n    def __init__(self):\n        raise OSError('no disk')",
            "without arguments.*no disk",
        ),
        ("class Truth:\n    __repr__ = lambda self: 'Truth()'", None),
    ],
)
def test_a_class_whose_name_changes_with_the_process_is_refused(
    text: str, message: str | None, tmp_path: Path
) -> None:
    """A case's id comes from what it prints: with an address in it a complete run would look half done."""
    head = "from dataclasses import dataclass\nimport numpy as np\n"
    head += "from hypergrad_bench.problems import configuration\n"
    path = write(tmp_path, head + text + METHODS)
    if message is None:
        assert "truth" in with_plugins(built_in(), [path]).data
        return
    with pytest.raises(UserError, match=message):
        with_plugins(built_in(), [path])
