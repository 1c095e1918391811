"""The list of slow tests names tests that are there, and leaves quick ones in every folder."""

import ast
from pathlib import Path

from cpu_seconds import slow_functions

ROOT = Path(__file__).resolve().parent.parent


def functions() -> set[str]:
    """The test functions of the tree, read as text: they lie at the top of their modules."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        names = [one.name for one in ast.parse(path.read_text()).body if isinstance(one, ast.FunctionDef)]
        found |= {f"{path.relative_to(ROOT)}::{name}" for name in names if name.startswith("test_")}
    return found


def test_the_list_names_tests() -> None:
    """A test that was renamed would silently be quick."""
    assert slow_functions() - functions() == set()


def test_every_folder_keeps_quick_tests() -> None:
    quick = {str(Path(one.partition("::")[0]).parent) for one in functions() - slow_functions()}
    assert {str(Path(one.partition("::")[0]).parent) for one in functions()} == quick
