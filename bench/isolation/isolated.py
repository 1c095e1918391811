"""Groups measured in a process of their own; who ends it is found out, and pays alone."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..records.record import Record
from .child import Setup
from .limits import Death, IsolationLimits
from .watched import WatchedChild

if TYPE_CHECKING:
    from .listed_run import ListedRun

Begin = Callable[[str], None]

_TIMED = ("solve_seconds", "total_seconds", "overhead")
_NOT_TIMED = {name + end: None for name in _TIMED for end in ("", "_q1", "_q3")} | {"rounds": 0}


@dataclass
class IsolatedBench:
    """Measure groups as a `Workbench` does, in a child process that goes on from group to group.

    If it dies, the case that it was at is measured by itself: if it dies again, that is the case's own
    status, and the others are measured together once more. If that is no case, or it does not end the child
    by itself, all are tried alone, and those that do not are measured together.

    It imports no JAX of its own: on a worker that takes as long as the child does to start.

    Args:
        listed: returns the run's cases; it is called where one could not be measured, and on a GPU.
        setup: what the child has to know of the run.
        limits: how long and how large it may be.
    """

    listed: Callable[[], "ListedRun"]
    setup: Setup
    limits: IsolationLimits
    _child: WatchedChild | None = field(init=False, default=None)
    _measured_before: bool = field(init=False, default=False)
    _peaks: dict[Any, int | None] = field(init=False, default_factory=dict)

    def measure(self, ids: Sequence[str], begin: Begin) -> Iterator[Record]:
        """Yield one record for each case of a group that shares an instance, named by their ids.

        On a GPU each has its memory measured in one more process, at the first seed of a problem.

        Raises:
            UserError: if the child cannot begin, or an array cannot be kept.
        """
        records = self._measured(ids, begin)
        if self.setup.device == "cpu":
            yield from records
            return
        for record in records:
            yield self._weighed(record, begin)

    def _measured(self, ids: Sequence[str], begin: Begin) -> Iterator[Record]:
        left = list(dict.fromkeys(ids))
        while left:
            old = self._measured_before
            records, death = self._attempt(left, begin)
            yield from _taken(left, records)
            if death is None:
                return
            named = death.case
            if named not in left:
                break
            if len(left) > 1 or old:
                # It may have been a program compiled beside it, or what earlier groups left behind.
                _, death = self._attempt([named], begin)
            if death is None:
                break
            left.remove(named)
            yield self._dead(named, death)
        yield from self._one_by_one(left, begin)

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None
        self._measured_before = False

    def _one_by_one(self, left: list[str], begin: Begin) -> Iterator[Record]:
        """Measure cases alone, where together they end the process and none of them is named."""
        alone: list[Record] = []
        shared = 0
        for case in list(left):
            self.close()
            records, death = self._attempt([case], begin)
            alone += records
            if death is None:
                continue
            left.remove(case)
            yield self._dead(case, death)
            # Inputs and reference are the same for all, and two cases by themselves are no coincidence.
            shared += death.case is None and not death.timing
            if shared > 1 and not alone:
                for other in left:
                    yield self._dead(other, death)
                return
        self.close()
        records, death = self._attempt(left, begin)
        yield from _taken(left, records)
        if death is not None:
            # Times of cases that did not take turns cannot be compared.
            reason = f"measured alone and not timed, as with others the process died: {death.evidence}"
            for record in alone:
                if record.id in left:
                    yield record.model_copy(update={"reason": record.reason or reason, **_NOT_TIMED})

    def _attempt(self, ids: Collection[str], begin: Begin) -> tuple[list[Record], Death | None]:
        """Return the records of cases that are measured together, and how the child died, if it did."""
        if not ids:
            return [], None
        if self._child is None:
            self._child = WatchedChild(self.setup, self.limits)
            self._child.start()
        self._measured_before = True
        lines = self._child.measure(list(ids), begin)
        records = [Record.from_line(line) for line in lines]
        death = self._child.death
        if death is not None:
            self.close()
        return records, death

    def _weighed(self, record: Record, begin: Begin) -> Record:
        """Return a record with the peak of its memory, which does not depend on the seed."""
        if not record.status.measured:
            return record
        program = self.listed().program(record.id)
        if program not in self._peaks:
            self._peaks[program] = self._peak_alone(record.id, begin)
        return record.model_copy(update={"peak_bytes": self._peaks[program]})

    def _peak_alone(self, case: str, begin: Begin) -> int | None:
        child = WatchedChild(self.setup, self.limits, "weighing_child")
        try:
            child.start()
            lines = list(child.measure([case], begin))
            return json.loads(lines[0]) if lines and child.death is None else None
        except UserError:  # such as that the device has no memory left: the record has its numbers
            return None
        finally:
            child.close()

    def _dead(self, case: str, death: Death) -> Record:
        if self.setup.arrays is not None:  # of another attempt
            (self.setup.arrays / f"{case}.npz").unlink(missing_ok=True)
        return self.listed().dead(case, death)


def _taken(left: list[str], records: Iterable[Record]) -> Iterator[Record]:
    """Yield records and take their cases off the list."""
    for record in records:
        left.remove(record.id)
        yield record
