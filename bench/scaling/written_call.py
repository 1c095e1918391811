"""Solvers and methods as records name them: the repr of a configuration, read without running it."""

import ast
from typing import Any, NamedTuple

from ..errors import UserError


class WrittenCall(NamedTuple):
    """A configuration's class and its settings; a setting that is one itself is read like it."""

    name: str
    settings: dict[str, Any]


def written_call(text: str) -> WrittenCall:
    """Read `Implicit(linear=Cg(tolerance=0.01))`; nothing of it is executed.

    Raises:
        UserError: if it is no such text.
    """
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError as error:
        raise UserError(f"not the name of a solver or a method: {text!r}") from error
    if not isinstance(node, ast.Call):
        raise UserError(f"not the name of a solver or a method: {text!r}; Nesterov() is one")
    return _read(node)


def _read(node: ast.Call) -> WrittenCall:
    name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
    return WrittenCall(name, {one.arg: _value(one.value) for one in node.keywords if one.arg is not None})


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call):
        return _read(node)
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
