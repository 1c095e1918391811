"""The cases of a run in a process that is told their ids, and what measures them."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

from ..errors import UserError
from ..grid.case import Case
from ..measure.untimed_run import UntimedRun
from ..measure.workbench import Workbench
from ..records.record import Record
from .limits import Death


class ListedRun:
    """The cases of a run by their ids, of which no more are computed than are looked for.

    Args:
        bench: what measures them.
        groups: the cases; one that comes twice is the first of them.
    """

    def __init__(self, bench: Workbench, groups: Iterable[Sequence[Case]]) -> None:
        """Look at no case yet."""
        self.bench = bench
        self._unread = iter(groups)
        self._known: dict[str, Case] = {}

    def named(self, ids: Sequence[str]) -> list[Case]:
        """Return cases by their ids.

        Raises:
            UserError: if there is none of an id.
        """
        return [self._case(one) for one in ids]

    def program(self, name: str) -> Hashable:
        """Return what is equal for cases that differ in their seed alone."""
        case = self._case(name)
        return replace(case.instance, seed=0), case.contestant

    def dead(self, name: str, death: Death) -> Record:
        """Return the record of a case whose process ended."""
        (measured,) = self.bench.unmeasured([self._case(name)], UntimedRun(death.status, death.evidence))
        return measured.record

    def _case(self, name: str) -> Case:
        while name not in self._known:
            group = next(self._unread, None)
            if group is None:
                raise UserError(
                    f"the process that measures has no case {name}: what it lists from the same settings is "
                    "something else, as the package, a plug-in or an image folder is another one there"
                )
            for case in group:
                self._known.setdefault(case.id, case)
        return self._known[name]
