"""What came out otherwise in the second run, apart from times: statuses, errors, memory."""

from collections.abc import Iterator
from typing import NamedTuple

from ..records.record import Record
from ..records.status import Status
from ..report.columns import mebibytes, scientific
from .paired import Matched

ERROR, MEMORY = 3.0, 1.05
RULE = (
    "A status that is another; a hypergradient error, the reference's own where that is larger, that differs "
    f"by more than a factor of {ERROR:g}; memory of the compiled program that differs by more than a factor "
    f"of {MEMORY:g}. These do not depend on how busy the machine was."
)


class Otherwise(NamedTuple):
    """A figure of one case that changed.

    Attributes:
        record: of the second run.
        figure: what changed.
        before: in the first run, in words.
        after: in the second run, in words.
        worse: whether it is a regression.
    """

    record: Record
    figure: str
    before: str
    after: str
    worse: bool


def otherwise(matched: Matched) -> list[Otherwise]:
    """Return every such change, regressions first."""
    found = [change for pair in matched.pairs for change in _changes(pair.before, pair.after)]
    return sorted(found, key=lambda change: not change.worse)


def _changes(before: Record, after: Record) -> Iterator[Otherwise]:
    if before.status is not after.status:
        worse = after.status is not Status.OK
        yield Otherwise(after, "status", before.status.value, after.status.value, worse)
    figures = (
        ("error", _error(before), _error(after), ERROR, scientific),
        ("memory MiB", before.memory_bytes, after.memory_bytes, MEMORY, mebibytes),
    )
    for figure, old, new, factor, write in figures:
        if old is not None and new is not None and (new > factor * old or old > factor * new):
            yield Otherwise(after, figure, write(old), write(new), new > old)


def _error(record: Record) -> float | None:
    if record.relative_error is None or record.reference_error is None:
        return None
    return max(record.relative_error, record.reference_error)
