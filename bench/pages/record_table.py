"""The records of one or more runs as the page's script reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..records.record import Record
from ..report.columns import COLUMNS, Column
from ..report.tables import unbracketed
from .blocks import RecordTable

MOST = 10_000
"""Records that a page holds at most: a browser sorts so many at once."""
_LABELS = (
    ("run", "run"),
    ("task", "task"),
    ("regularizer", "regulariser"),
    ("data", "data"),
    ("size", "size"),
    ("batch", "batch"),
    ("dtype", "precision"),
    ("seed", "seed"),
    ("solver", "solver"),
    ("method", "method"),
    ("max_steps", "max steps"),
    ("tolerance", "tolerance"),
    ("status", "status"),
)
_FIRST = ("relative_error", "total_seconds", "memory_bytes")
"""Numbers that stand before the settings that matter less: what most readers look for."""
_LATER = ("data", "batch", "seed", "max_steps", "tolerance")
_CHOICES = {"run", "task", "regularizer", "size", "dtype", "solver", "method", "status"}
_NUMBERS = {"batch", "seed", "max_steps", "tolerance"}
_LOOKED_UP = (
    ("reason", "reason"),
    ("reference", "reference"),
    ("reference_error", "the reference's own error"),
    ("adjoint_route", "route of the adjoint"),
    ("rounds", "timing rounds"),
    ("solve_seconds_q1", "solve, first quartile (s)"),
    ("solve_seconds_q3", "solve, third quartile (s)"),
    ("total_seconds_q1", "total, first quartile (s)"),
    ("total_seconds_q3", "total, third quartile (s)"),
    ("created", "measured at"),
    ("key", "address"),
    ("folder", "folder"),
)
_FACTORS = {"solve_seconds": 1e3, "total_seconds": 1e3, "memory_bytes": 2.0**-20}
"""From a record's unit to that of its column."""


def record_key(number: int, record_id: str) -> str:
    """Return the name of a record of the n-th run in addresses: equal cases of two runs have the same id."""
    return f"{number}-{record_id}" if number and record_id else record_id


def record_table(runs: Mapping[str, Sequence[Record]], folders: Mapping[str, str]) -> RecordTable:
    """Return the records of some runs, by the runs' names; of more than 10,000 the first.

    Args:
        runs: their records.
        folders: where they lie, as one would type it.
    """
    labels = _LABELS if len(runs) > 1 else _LABELS[1:]
    everything = [(run, record) for run, records in runs.items() for record in records]
    told = [column for column in COLUMNS if _tells(everything, column)]
    columns = [
        *(_label_column(name, heading) for name, heading in labels if name not in _LATER),
        *(_number_column(column) for column in told if column.field in _FIRST),
        *(_label_column(name, heading) for name, heading in labels if name in _LATER),
        *(_number_column(column) for column in told if column.field not in _FIRST),
        *(_column(name, heading, shown=False) for name, heading in _LOOKED_UP),
    ]
    names = [column["name"] for column in columns]
    numbers = {run: number for number, run in enumerate(runs)}
    rows = []
    for run, record in everything[:MOST]:
        own = {"run": run, "key": record_key(numbers[run], record.id), "folder": folders[run]}
        rows.append([record.id, *(own[name] if name in own else _value(record, name) for name in names)])
    return RecordTable(_text(len(everything)), [_column("id", "record"), *columns], rows)


def _column(name: str, heading: str, **further: Any) -> dict[str, Any]:
    return {"name": name, "heading": heading, "number": False, "shown": True, "choice": False} | further


def _label_column(name: str, heading: str) -> dict[str, Any]:
    return _column(name, heading, number=name in _NUMBERS, choice=name in _CHOICES)


def _number_column(column: Column) -> dict[str, Any]:
    return _column(column.field, column.heading, title=column.meaning, number=column.field != "certified")


def _text(number: int) -> str:
    told = f"{number} records." if number <= MOST else f"The first {MOST} of {number} records."
    further = "" if number <= MOST else " `records.jsonl` in the run's folder has them all."
    return (
        f"{told}{further} A column's head sorts, the fields above the table filter; a record's id shows all "
        "of it, and how to measure it again."
    )


def _value(record: Record, name: str) -> Any:
    """Return a field in the unit of its column, without the empty brackets of a repr."""
    value = getattr(record, name)
    if name == "status":
        return record.status.value
    if isinstance(value, str):
        return unbracketed(value) if name in ("solver", "method") else value
    return value * _FACTORS[name] if name in _FACTORS and value is not None else value


def _tells(everything: Sequence[tuple[str, Record]], column: Column) -> bool:
    if not column.optional:
        return True
    values = (getattr(record, column.field) for _, record in everything)
    return any(value is not None and column.tells(value) for value in values)
