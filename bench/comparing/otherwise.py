"""What came out otherwise in the second run, apart from times: statuses, errors, memory."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from ..records.record import Record
from ..records.status import Status
from ..report.columns import mebibytes, milliseconds, scientific
from .paired import Matched

ERROR, MEMORY = 3.0, 1.05
RULE = (
    "A status that is another; a figure that is missing now; a hypergradient error, the reference's own "
    f"where that is larger, that differs by more than a factor of {ERROR:g}; memory of the compiled program "
    f"that differs by more than a factor of {MEMORY:g}. These do not depend on how busy the machine was."
)
MISSING = "missing"
Verdict = Literal["worse", "better", "other"]


class Otherwise(NamedTuple):
    """A figure of one case that changed.

    Attributes:
        record: of the second run.
        figure: what changed.
        before: in the first run, in words.
        after: in the second run, in words.
        verdict: whether it is a regression.
    """

    record: Record
    figure: str
    before: str
    after: str
    verdict: Verdict


def otherwise(matched: Matched) -> list[Otherwise]:
    """Return every such change, regressions first."""
    found = [change for pair in matched.pairs for change in _changes(pair.before, pair.after)]
    return sorted(found, key=lambda change: change.verdict != "worse")


def _changes(before: Record, after: Record) -> Iterator[Otherwise]:
    if before.status is not after.status:
        apart = _rank(after.status) - _rank(before.status)
        verdict: Verdict = "worse" if apart > 0 else "better" if apart < 0 else "other"
        yield Otherwise(after, "status", before.status.value, after.status.value, verdict)
    figures: tuple[
        tuple[str, Callable[[Record], float | None], float | None, Callable[[float], str]], ...
    ] = (
        ("error", _error, ERROR, scientific),
        ("memory MiB", lambda record: record.memory_bytes, MEMORY, mebibytes),
        ("total ms", lambda record: record.total_seconds, None, milliseconds),
    )
    for figure, read, factor, write in figures:
        old, new = read(before), read(after)
        if old is not None and new is None and before.status is after.status:
            yield Otherwise(after, figure, write(old), MISSING, "worse")
        if old is None or new is None or factor is None:
            continue
        if new > factor * old or old > factor * new:
            yield Otherwise(after, figure, write(old), write(new), "worse" if new > old else "better")


def _rank(status: Status) -> int:
    """Return 0 for ok, 1 for what has numbers all the same, 2 for what has none."""
    return 0 if status is Status.OK else 1 if status.measured else 2


def _error(record: Record) -> float | None:
    if record.relative_error is None or record.reference_error is None:
        return None
    return max(record.relative_error, record.reference_error)
