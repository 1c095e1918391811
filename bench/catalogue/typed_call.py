"""A name with settings in brackets, as one types it: "phantom(steps=5)"."""

import ast
import dataclasses
from typing import Any, NamedTuple

from ..errors import UserError, nearest
from ..failure import failure_of
from .entry import Entry


class TypedCall(NamedTuple):
    """A name, and the settings that were typed behind it."""

    name: str
    settings: dict[str, Any]


def typed_call(text: str, kind: str) -> TypedCall:
    """Read a name with settings; nothing of it is executed.

    Settings are literals of Python: numbers, texts, True, False, None, and lists of these.

    Raises:
        UserError: if it is something else.
    """
    try:
        tree = ast.parse(_underscored(text), mode="eval").body
        if isinstance(tree, ast.Name):
            return TypedCall(tree.id, {})
        if isinstance(tree, ast.Call) and isinstance(tree.func, ast.Name) and not tree.args:
            settings = {str(one.arg): ast.literal_eval(one.value) for one in tree.keywords if one.arg}
            if len(settings) == len(tree.keywords):
                return TypedCall(tree.func.id, settings)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    raise UserError(
        f"the {kind} {text!r} cannot be read; a name such as NAME or NAME(setting=1.5) is accepted"
    )


def with_settings(entry: Entry[Any], settings: dict[str, Any], kind: str) -> Any:
    """Return the default object of an entry with some of its settings replaced.

    Raises:
        UserError: for a setting that it does not have, or a value that it refuses.
    """
    if not settings:
        return entry.value
    known = [field.name for field in dataclasses.fields(entry.value)] if _has_fields(entry.value) else []
    for name in settings:
        if name not in known:
            raise UserError(nearest(name, known, kind=f"setting of the {kind} {entry.name!r}"))
    try:
        return dataclasses.replace(entry.value, **settings)
    except BaseException as error:
        raise UserError(f"the {kind} {entry.name!r} refuses {settings}: {failure_of(error)}") from error


def _has_fields(value: Any) -> bool:
    return dataclasses.is_dataclass(value)


def _underscored(text: str) -> str:
    name, bracket, rest = text.partition("(")
    return name.replace("-", "_") + bracket + rest
