"""The list of slow tests names tests that are there, and leaves quick ones in every folder."""

import ast
from collections.abc import Iterator
from pathlib import Path

from cpu_seconds import slow_functions

ROOT = Path(__file__).resolve().parent.parent


def functions() -> set[str]:
    """The test functions of the tree, in classes too, read as text."""
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= {f"{path.relative_to(ROOT)}::{name}" for name in names_in(ast.parse(path.read_text()))}
    return found


def names_in(scope: ast.Module | ast.ClassDef) -> Iterator[str]:
    """The names of the tests of a module or a class, each behind its class."""
    for one in scope.body:
        if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"):
            yield one.name
        elif isinstance(one, ast.ClassDef) and one.name.startswith("Test"):
            yield from (f"{one.name}::{name}" for name in names_in(one))


def test_the_list_names_tests() -> None:
    """A test that was renamed would silently be quick."""
    assert slow_functions() - functions() == set()


def test_every_folder_keeps_quick_tests() -> None:
    quick = {str(Path(one.partition("::")[0]).parent) for one in functions() - slow_functions()}
    assert {str(Path(one.partition("::")[0]).parent) for one in functions()} == quick
