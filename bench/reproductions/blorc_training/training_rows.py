"""Recorded rows, each read as what it is."""

from collections.abc import Sequence
from typing import NamedTuple

from ..rows import RecordedRow, read_rows
from .rows import ImageRow, SignalRow, SpeedRow


class TrainingRows(NamedTuple):
    """The rows of all experiments."""

    speed: list[SpeedRow]
    signals: list[SignalRow]
    images: list[ImageRow]


def read_recorded(rows: Sequence[RecordedRow]) -> TrainingRows:
    """Tell the rows apart by what they say they are.

    Raises:
        UserError: for a row that lacks a field, or holds another type there.
    """

    def of(what: str) -> list[RecordedRow]:
        return [row for row in rows if row.get("what") == what]

    images = [row for row in rows if row.get("what") not in ("speed", "signals")]
    return TrainingRows(
        read_rows(of("speed"), SpeedRow), read_rows(of("signals"), SignalRow), read_rows(images, ImageRow)
    )
