"""No trait is read by a string with a default: a typo in a plug-in would be a silent default."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("problems", "solvers", "hypergrad", "bench")
OF_OTHERS = {
    # of Python, and of the operating system
    "__name__",
    "__post_init__",
    "__dataclass_fields__",
    "_is_protocol",
    "sched_getaffinity",
    # of JAX, where it depends on the version or on what is traced
    "aval",
    "weak_type",
    "argument_size_in_bytes",
    "output_size_in_bytes",
    "temp_size_in_bytes",
    # of tifffile, whose codes can be plain numbers
    "name",
}
"""Attributes that are read with a default, since they are no attributes of this project's protocols."""


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_flag_is_read_by_a_string(folder: str) -> None:
    """What a solver, a method or a problem says of itself is typed."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in _read_with_default(path.read_text(encoding="utf-8"))
        if name not in OF_OTHERS
    }
    assert not found


def test_the_search_finds_one() -> None:
    """A planted flag, on however many lines; what has no default raises by itself."""
    source = 'getattr(\n    solver,\n    "costly",\n    False,\n)\ngetattr(record, "id")\ngetattr(a, b, 0)'
    assert list(_read_with_default(source)) == ["costly"]


def _read_with_default(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr"):
            continue
        if len(node.args) == 3 and isinstance(node.args[1], ast.Constant):
            yield str(node.args[1].value)
