"""Names of what is built in, read from the sources as text: to import those would take seconds."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .kebab_case import kebab_case

PACKAGE = Path(__file__).parents[2]


class Shelf(NamedTuple):
    """Where the entries of a kind are found, and what tells them from what lies beside them.

    Attributes:
        registry: the folder whose `__init__.py` re-exports them, one line each.
        folder: within it, in which their modules lie; empty for anywhere.
        member: a method that each of them defines.
    """

    registry: str
    folder: str
    member: str


CONTENDERS = Shelf("bench/contenders", "", "__call__")
SHELVES = {
    "tasks": (Shelf("problems", "tasks", "operator"),),
    "regularizers": (Shelf("problems", "regularizers", "initial"),),
    "data": (Shelf("problems", "ground_truths", "sample"),),
    "solvers": (Shelf("solvers", "iterations", "step"),),
    "methods": (Shelf("hypergrad", "rules", "__call__"), CONTENDERS),
    "upper_levels": (Shelf("hypergrad", "upper_levels", "init"),),
    "reproductions": (Shelf("bench/reproductions", "", "cases"),),
}
NOT_BY_NAME = ("image-folder",)
"""It comes from `--images`."""


def built_in_names(kind: str) -> list[str]:
    """Return the names of the entries of a kind in `SHELVES`, in the order of the registry."""
    names = (kebab_case(name) for shelf in SHELVES[kind] for name in class_names(shelf))
    return [name for name in names if name not in NOT_BY_NAME]


def class_names(shelf: Shelf) -> Iterator[str]:
    """Return the names of the classes of a shelf, in the order of its registry."""
    registry = PACKAGE / shelf.registry
    for line in _tree(registry / "__init__.py").body:
        if not isinstance(line, ast.ImportFrom) or not (line.module or "").startswith(shelf.folder):
            continue
        module = registry.joinpath(*(line.module or "").split(".")).with_suffix(".py")
        offering = _offering(module, shelf.member)
        yield from (name.name for name in line.names if name.name in offering)


def _offering(module: Path, member: str) -> set[str]:
    """Return the names of a module's classes, not its protocols, that define a method."""
    classes = [one for one in _tree(module).body if isinstance(one, ast.ClassDef)]
    return {
        one.name
        for one in classes
        if not any(isinstance(base, ast.Name) and base.id == "Protocol" for base in one.bases)
        and any(isinstance(part, ast.FunctionDef) and part.name == member for part in one.body)
    }


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))
