"""Tables as plain data: one per problem, one row per solver, method and budget, seeds joined by medians."""

import operator
import statistics
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from ..errors import first_line
from ..records.record import Record
from ..records.status import Status
from .columns import APART, COLUMNS, Column, scientific

_Key = TypeVar("_Key", bound=Hashable)
EMPTY = "–"
_NAMED = 20
"""How many seeds that came out otherwise are named one by one."""
_REFERENCED = ("relative_error", "cosine", "norm_ratio")
_TIMED = ("solve_seconds", "total_seconds", "overhead")
VALUES = (
    *(column.field for column in COLUMNS),
    *(f"{name}_{quartile}" for name in _TIMED for quartile in ("q1", "q3")),
    "reference_error",
    *("violation", "ambiguous", "dual_margin", "primal_margin"),
)
"""Every number that a row holds: the columns, quartiles of what is timed, and the reference's own error."""
_values = operator.attrgetter(*VALUES)


class ProblemKey(NamedTuple):
    """Identify a table: what is solved, on what data, at what size and precision."""

    task: str
    regularizer: str
    data: str
    size: str
    batch: int
    dtype: str

    def title(self) -> str:
        """Return one line that names the problem."""
        shape = f"size {self.size}, batch {self.batch}"
        return f"{self.task}, {unbracketed(self.regularizer)}, {self.data}, {shape}, {self.dtype}"


class RowKey(NamedTuple):
    """Identify a row of a table: who solves, who differentiates, with what budget."""

    solver: str
    method: str
    max_steps: int
    tolerance: float


_problem_fields = operator.attrgetter(*ProblemKey._fields)
_row_fields = operator.attrgetter(*RowKey._fields)


class Cell(NamedTuple):
    """Hold what a cell shows, and a sentence: why it is empty, or what its number has to be read with."""

    text: str
    reason: str = ""


@dataclass(frozen=True)
class ResultRow:
    """Hold one row: medians over the seeds that share the row's status; None where there is no number.

    `status` is "ok", or "ok 1/2" if some seeds came out otherwise; then `reason` names them. `sweep` names
    the method whose budget this is a point of, if any. `ids` are those of the records, one per seed, first of
    the seeds that are joined.
    """

    key: RowKey
    status: str
    reason: str
    seeds: int
    values: dict[str, float | None]
    reference: str
    sweep: str = ""
    ids: tuple[str, ...] = ()

    def cell(self, column: Column) -> Cell:
        """Return the text of one cell; an empty one has the reason, a number what is to be known of it."""
        value = self.values[column.field]
        if value is None:
            return Cell(EMPTY, self._why_empty(column))
        bound = self.values["reference_error"]
        if column.field == "relative_error" and bound is not None and value <= bound:
            return Cell(f"<{scientific(bound)}")
        return Cell(column.write(value), self._apart() if column.field == "peak_bytes" else "")

    def _apart(self) -> str:
        """Say so where the measured memory is far from the static figure."""
        peak, static = self.values["peak_bytes"], self.values["memory_bytes"]
        if not peak or not static or 1 / APART <= peak / static <= APART:
            return ""
        return (
            f"the measured peak and the static figure differ by more than a factor of {APART:g}: the static "
            "one knows only the buffers that the compiler assigned"
        )

    def _why_empty(self, column: Column) -> str:
        """Return the sentence for an empty cell: the row's own, the missing reference's, or the column's."""
        if not self.seeds:
            return self.reason
        if column.field in _REFERENCED and self.reference and self.values["reference_error"] is None:
            return self.reference
        return column.missing


@dataclass(frozen=True)
class Table:
    """Hold the rows of one problem, sorted by solver, method and budget."""

    problem: ProblemKey
    rows: tuple[ResultRow, ...]


class Report(NamedTuple):
    """Hold a run's records and the tables made of them, from which pages and figures are made.

    `warnings` are sentences about all of them, such as that the clock failed its self-test.
    """

    records: tuple[Record, ...]
    tables: tuple[Table, ...]
    warnings: tuple[str, ...] = ()


def report_of(records: Iterable[Record], warnings: Iterable[str] = ()) -> Report:
    """Return some records with their tables, and what is to be said of all of them."""
    kept = tuple(records)
    return Report(kept, tuple(make_tables(kept)), tuple(warnings))


def make_tables(records: Iterable[Record]) -> list[Table]:
    """Return one table per problem, in the order in which problems first appear.

    Seeds are joined by the median, over rows whose status is ok, or max_steps if none is ok: never over
    both. Caveat: a median over seeds of unlike difficulty hides their spread; the journal has each seed.
    """
    return [Table(problem, _rows(group)) for problem, group in by_problem(records).items()]


def problem_of(record: Record) -> ProblemKey:
    """Return the key of the table that a record belongs to."""
    return ProblemKey._make(_problem_fields(record))


def key_of(record: Record) -> RowKey:
    """Return the key of the row that a record belongs to."""
    return RowKey._make(_row_fields(record))


def by_problem(records: Iterable[Record]) -> dict[ProblemKey, list[Record]]:
    """Return the records of each table, in order of first appearance."""
    return {ProblemKey._make(key): group for key, group in grouped(records, _problem_fields).items()}


def by_row(records: Iterable[Record]) -> dict[RowKey, list[Record]]:
    """Return the records of each row, in order of first appearance."""
    return {RowKey._make(key): group for key, group in grouped(records, _row_fields).items()}


def unbracketed(text: str) -> str:
    """Return a repr without its empty brackets: `Implicit(linear=Cg())` is `Implicit(linear=Cg)`."""
    return text.replace("()", "")


def grouped(records: Iterable[Record], key: Callable[[Record], _Key]) -> dict[_Key, list[Record]]:
    """Return records by key, in order of first appearance."""
    groups: dict[_Key, list[Record]] = {}
    for record in records:
        groups.setdefault(key(record), []).append(record)
    return groups


def row_of(records: Sequence[Record]) -> ResultRow:
    """Join the records of one run, one per seed, into a row."""
    chosen = _comparable(records)
    unreferenced = [record for record in chosen if record.reference_error is None]
    return ResultRow(
        key=key_of(records[0]),
        status=_status(records, chosen),
        reason=_reason(records, chosen),
        seeds=len(chosen),
        values=_medians(chosen),
        reference=first_line((unreferenced or chosen)[0].reference) if chosen else "",
        sweep=records[0].sweep,
        ids=tuple(record.id for record in (*chosen, *_others(records, chosen))),
    )


def _rows(records: Iterable[Record]) -> tuple[ResultRow, ...]:
    """Return the rows of one problem."""
    groups = by_row(records)
    order = sorted(groups, key=lambda key: (key.solver, groups[key][0].sweep, key))
    return tuple(row_of(groups[key]) for key in order)


def _comparable(records: Sequence[Record]) -> list[Record]:
    """Return the records that may be joined: the converged ones, else those that fell short in one way."""
    for status in (Status.OK, Status.ADJOINT_MISSED, Status.MAX_STEPS):
        chosen = [record for record in records if record.status is status]
        if chosen:
            return chosen
    return []


def _medians(records: Sequence[Record]) -> dict[str, float | None]:
    """Return the median of every field; None if a single record lacks it, which a median would hide."""
    columns = zip(*map(_values, records), strict=True) if records else ((None,) for _ in VALUES)
    return {name: _median(values) for name, values in zip(VALUES, columns, strict=True)}


def _median(values: Sequence[Any]) -> float | None:
    return None if None in values else float(statistics.median(values))


def _status(records: Sequence[Record], chosen: Sequence[Record]) -> str:
    """Return the row's status, with a count where seeds differ."""
    shown = chosen or records
    same = [record for record in records if record.status is shown[0].status]
    count = "" if len(same) == len(records) else f" {len(same)}/{len(records)}"
    return f"{shown[0].status}{count}"


def _reason(records: Sequence[Record], chosen: Sequence[Record]) -> str:
    """Return why numbers are missing, or which seeds came out otherwise than the row says."""
    others = _others(records, chosen)
    if not chosen and len({(record.status, record.reason) for record in records}) == 1:
        return _explain(records[0])
    named = [f"seed {record.seed}: {record.status}, {_explain(record)}" for record in others[:_NAMED]]
    further = [f"and {len(others) - _NAMED} further seeds"] if len(others) > _NAMED else []
    return "; ".join([*named, *further])


def _others(records: Sequence[Record], chosen: Sequence[Record]) -> list[Record]:
    """Return the records that are not joined: those of another status than the chosen ones."""
    return [record for record in records if not chosen or record.status is not chosen[0].status]


def _explain(record: Record) -> str:
    """Return a record's own reason, or what its status means; one line."""
    return " ".join(record.explanation.split())
