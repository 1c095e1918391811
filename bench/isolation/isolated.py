"""Groups measured in a process of their own; who ends it is found out, and pays alone."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field

from ..grid.case import Case
from ..measure.untimed_run import UntimedRun
from ..measure.workbench import Workbench
from ..records.record import Record
from .child import Setup
from .limits import Death, IsolationLimits
from .watched import WatchedChild

Begin = Callable[[str], None]


@dataclass
class IsolatedBench:
    """Measure groups as a `Workbench` does, in a child process that goes on from group to group.

    If it dies, the case that it was at is measured by itself: if it dies again, that is the case's own
    status, and the others are measured together once more. If that is no case, or it does not end the child
    by itself, all are tried alone, and those that do not are measured together.

    Args:
        bench: makes the records of what could not be measured; it measures nothing.
        setup: what the child has to know of the run.
        limits: how long and how large it may be.
    """

    bench: Workbench
    setup: Setup
    limits: IsolationLimits
    _child: WatchedChild | None = field(init=False, default=None)

    def measure(self, group: Sequence[Case], begin: Begin) -> Iterator[Record]:
        """Yield one record for each case of a group that shares an instance.

        Raises:
            UserError: if the child cannot begin, or an array cannot be kept.
        """
        left, death = {case.id: case for case in group}, None
        while left:
            death = yield from self._attempt(left, begin)
            if death is None:
                return
            named = left.get(death.case or "")
            if named is None:
                break
            if len(left) > 1:
                # It may have been a program compiled beside it, or what earlier groups left behind.
                death = yield from self._attempt({named.id: named}, begin, keep=False)
            if death is None:
                break
            yield self._dead(left.pop(named.id), death)
        yield from self._one_by_one(left, death, begin)

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.close()
            self._child = None

    def _one_by_one(self, left: dict[str, Case], death: Death | None, begin: Begin) -> Iterator[Record]:
        """Measure cases alone, where together they end the process and none of them is named."""
        shared = False
        for case in list(left.values()):
            again = death if shared else (yield from self._attempt({case.id: case}, begin, keep=False))
            if again is None:
                continue
            # Inputs and reference are the same for all.
            shared = again.case is None and not again.timing
            death = again
            yield self._dead(left.pop(case.id), again)
        if left and (death := (yield from self._attempt(left, begin))):
            for case in left.values():
                yield self._dead(case, death)

    def _attempt(
        self, cases: dict[str, Case], begin: Begin, keep: bool = True
    ) -> Generator[Record, None, Death | None]:
        """Yield records of cases and take them off the list; return how the child died, if it did.

        With `keep` false nothing is yielded or taken off: it is only tried.
        """
        if self._child is None:
            self._child = WatchedChild(self.setup, self.limits)
            self._child.start()
        for line in self._child.measure(list(cases), begin):
            if keep:
                record = Record.from_line(line)
                del cases[record.id]
                yield record
        death = self._child.death
        if death is not None:
            self.close()
        return death

    def _dead(self, case: Case, death: Death) -> Record:
        (measured,) = self.bench.unmeasured([case], UntimedRun(death.status, death.evidence))
        return measured.record
