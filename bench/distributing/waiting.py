"""Pieces of work that wait for a worker, those that share programs beside each other."""

from collections import deque
from collections.abc import Callable, Hashable, Sequence, Set
from typing import Any, NamedTuple


class Piece(NamedTuple):
    """What one worker does at once.

    Attributes:
        name: in words.
        task: a function that a worker has too.
        arguments: its arguments.
        kin: equal for pieces of which a worker does the second more cheaply once it has done the first; None
            where there are none.
    """

    name: str
    task: Callable[..., Any]
    arguments: tuple[Any, ...]
    kin: Hashable = None


class WaitingPieces:
    """Choose what a worker gets next: what it has compiled already, else what nobody has.

    Workers that took any piece in turn would all compile the programs of all problems.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        """Let all of them wait, in their order."""
        self._kin = [number if piece.kin is None else piece.kin for number, piece in enumerate(pieces)]
        self._waiting: dict[Hashable, deque[int]] = {}
        for number, kin in enumerate(self._kin):
            self._waiting.setdefault(kin, deque()).append(number)
        self._had: dict[str, Hashable] = {}

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return bool(self._waiting)

    def take(self, worker: str, there: Set[str]) -> int:
        """Take a piece off the list for a worker, one of those that are there, and return its number."""
        for gone in self._had.keys() - there:
            del self._had[gone]
        kin = self._had.get(worker)
        if kin not in self._waiting:
            others = set(self._had.values())
            most = max(self._waiting, key=lambda one: len(self._waiting[one]))
            kin = next((one for one in self._waiting if one not in others), most)
        self._had[worker] = kin
        number = self._waiting[kin].popleft()
        if not self._waiting[kin]:
            del self._waiting[kin]
        return number

    def put_back(self, number: int) -> None:
        """Let a piece wait once more, before its kin."""
        self._waiting.setdefault(self._kin[number], deque()).appendleft(number)
