"""The command line starts without what only some commands need, and completes names."""

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version

import pytest

from hypergrad_bench.bench.catalogue.built_in_names import SHELVES, built_in_names
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.grid.suites import SUITES
from hypergrad_bench.bench.runs.reproduce import built_in_reproductions
from hypergrad_bench.bench.training.upper_levels.asked_level import UPPER_LEVELS

# Not pydantic: typer itself imports it where a command is called.
HEAVY = {
    "PIL",
    "flax",
    "jax",
    "jaxlib",
    "jaxopt",
    "jaxtyping",
    "lineax",
    "matplotlib",
    "numpy",
    "optax",
    "optimistix",
    "pywt",
    "safetensors",
    "scipy",
    "skimage",
    "tifffile",
}
OURS = ("problems", "solvers", "hypergrad", "bench.commands.run", "bench.runs", "bench.conformance")
START = """
import json, sys
from hypergrad_bench.bench.cli import main
sys.argv = ["hgb", *sys.argv[1:]]
try:
    main()
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def started(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own; its last line on standard error lists what it imported."""
    return subprocess.run(
        [sys.executable, "-c", START, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | variables,
    )


def heavy(ran: subprocess.CompletedProcess[str]) -> set[str]:
    """What a process imported of what takes long to import."""
    modules = json.loads(ran.stderr.splitlines()[-1])
    ours = {f"hypergrad_bench.{name}" for name in OURS} & set(modules)
    return (HEAVY & set(modules)) | ours


def completed(line: str) -> subprocess.CompletedProcess[str]:
    """What bash is offered at the end of a line."""
    words = line.split(" ")
    return started(_HGB_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words) - 1))


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("advise", "--help")])
def test_help_and_version_import_nothing_heavy(arguments) -> None:
    ran = started(*arguments)
    assert ran.returncode == 0
    assert ran.stdout
    assert heavy(ran) == set()


@pytest.mark.parametrize("recorded", ["default-cpu", "frontier-cpu"])
@pytest.mark.parametrize("form", ["terminal", "csv", "md"])
def test_tables_of_a_run_import_nothing_that_computes_or_draws(repository, recorded, form) -> None:
    """The records hold the numbers; a figure is drawn where tables are written."""
    ran = started("table", str(repository / "results" / recorded), "--no-write", "--format", form)
    assert ran.returncode == 0
    assert heavy(ran) - {"hypergrad_bench.bench.runs"} == set()


def _is_of_one_problem(record: dict[str, str]) -> bool:
    return (record["task"], record["size"], record["dtype"]) == ("denoising", "64", "float64")


def test_tables_and_figures_are_written_without_jax(repository, tmp_path) -> None:
    folder = shutil.copytree(repository / "results" / "default-cpu", tmp_path / "run")
    records = (folder / "records.jsonl").read_text().splitlines(keepends=True)
    of_one_problem = [line for line in records if _is_of_one_problem(json.loads(line))]
    (folder / "records.jsonl").write_text("".join(of_one_problem))
    shutil.rmtree(folder / "figures")
    ran = started("table", str(folder))
    assert ran.returncode == 0
    assert len(list((folder / "figures").glob("*.png"))) == 3
    assert "matplotlib" in heavy(ran)
    assert heavy(ran) & {"jax", "jaxlib", "flax", "optax", "scipy"} == set()


def test_the_version_is_the_installed_one() -> None:
    assert started("--version").stdout.strip() == version("hypergrad-bench")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("hgb re", ["report", "reproduce", "rerun", "reconstruct"]),
        ("hgb run --sav", ["--save-arrays"]),
        ("hgb run --suite ", list(SUITES)),
        ("hgb run --method closed", ["closed-form"]),
        ("hgb reproduce blorc", ["blorc", "blorc-timing", "blorc-training"]),
    ],
)
def test_the_shell_completes_names_and_imports_nothing_heavy(line, expected) -> None:
    ran = completed(line)
    assert ran.stdout.split() == expected
    assert heavy(ran) == set()


@pytest.mark.parametrize("kind", SHELVES)
def test_names_read_as_text_are_those_that_imports_find(kind) -> None:
    """A newcomer that the text does not show would never be completed."""
    beside = {"reproductions": built_in_reproductions, "upper_levels": lambda: UPPER_LEVELS}
    expected = beside[kind]() if kind in beside else getattr(built_in(), kind)
    assert sorted(built_in_names(kind)) == sorted(expected)


def test_a_command_that_computes_says_what_jax_refuses() -> None:
    ran = started("list", JAX_ENABLE_X64="perhaps")
    assert ran.returncode == 2
    assert "hgb: JAX does not start: " in ran.stderr
    assert "Traceback" not in ran.stderr
