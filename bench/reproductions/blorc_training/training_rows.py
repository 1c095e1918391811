"""Recorded rows, each read as what it is."""

from collections.abc import Sequence
from typing import NamedTuple

from ..rows import RecordedRow, read_rows, told_apart
from .rows import ImageRow, SignalRow, SpeedRow


class TrainingRows(NamedTuple):
    """The rows of all experiments."""

    speed: list[SpeedRow]
    signals: list[SignalRow]
    images: list[ImageRow]


def read_recorded(rows: Sequence[RecordedRow]) -> TrainingRows:
    """Tell the rows apart by what they say they are.

    Raises:
        UserError: for a row of no known kind, or one that lacks a field or holds another type there.
    """
    speed, signals, images = told_apart(rows, "speed", "signals", "image")
    return TrainingRows(
        read_rows(speed, SpeedRow), read_rows(signals, SignalRow), read_rows(images, ImageRow)
    )
