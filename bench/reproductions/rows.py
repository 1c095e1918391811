"""Rows as they lie on disk, and the typed rows that pages are made of."""

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from ..errors import UserError
from ..records.strict_json import complaint

RecordedRow = dict[str, JsonValue]
"""One measured line of `rows.jsonl`: plain values by name."""
AnyRow = TypeVar("AnyRow")


def told_apart(rows: Iterable[RecordedRow], *kinds: str) -> tuple[list[RecordedRow], ...]:
    """Return the rows of each kind, in the order of `kinds`, by what their field `what` says.

    Raises:
        UserError: for a row that says it is something else, or nothing.
    """
    found: dict[JsonValue, list[RecordedRow]] = {kind: [] for kind in kinds}
    for row in rows:
        what = row.get("what")
        if not isinstance(what, str) or what not in found:
            raise UserError(f"a row whose 'what' is {what!r}; accepted: {', '.join(kinds)}")
        found[what].append(row)
    return tuple(found.values())


def read_rows(rows: Iterable[RecordedRow], kind: type[AnyRow]) -> list[AnyRow]:
    """Read every row as `read_row` does."""
    return [read_row(row, kind) for row in rows]


def read_row(row: RecordedRow, kind: type[AnyRow]) -> AnyRow:
    """Return a recorded row as a `TypedDict`, without the fields that this version does not know.

    Raises:
        UserError: if a required field is missing, or one holds another type; a sentence says which.
    """
    try:
        return _reader(kind)(row)
    except ValidationError as error:
        raise UserError(complaint(error, "a row")) from error


@functools.cache
def _reader(kind: type[Any]) -> Callable[[RecordedRow], Any]:
    return functools.partial(TypeAdapter(kind).validate_python, strict=True)
