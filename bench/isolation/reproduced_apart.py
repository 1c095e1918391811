"""Cases of a reproduction, measured in a process of their own; one that ends it costs itself alone."""

from collections.abc import Callable, Iterator, Sequence

from ..records.reproduced_case import ReproducedCase, reproduced_now
from ..reproductions.reproduction import EndsProcesses, NamedCase
from .limits import IsolationLimits
from .reproduction_child import ReproductionSetup
from .watched import WatchedChild


def reproduced_apart(
    entry: EndsProcesses,
    cases: Sequence[NamedCase],
    setup: ReproductionSetup,
    limits: IsolationLimits,
    begin: Callable[[str], None],
) -> Iterator[ReproducedCase]:
    """Yield one case after the other with its rows.

    The process goes on from case to case. Where it dies, a new one tries the case alone.

    Args:
        entry: the reproduction.
        cases: those to be measured.
        setup: what the process has to know of it.
        limits: how long and how large it may be.
        begin: is told what is going on.

    Raises:
        UserError: if the process cannot begin, or a row has no status of the closed list.
    """
    child: WatchedChild | None = None
    try:
        for case in cases:
            used = child is not None
            child = child or _started(setup, limits)
            lines = list(child.measure([case.name], begin))
            if used and child.death is not None:
                # It may have been what earlier cases left behind.
                child.close()
                child = _started(setup, limits)
                lines = list(child.measure([case.name], begin))
            death = child.death
            if death is None:
                yield from (ReproducedCase.from_line(line.encode()) for line in lines)
            else:
                child.close()
                child = None
                yield reproduced_now(case.name, entry.ended(case, setup.quick, death.status, death.evidence))
    finally:
        if child is not None:
            child.close()


def _started(setup: ReproductionSetup, limits: IsolationLimits) -> WatchedChild:
    child = WatchedChild(setup, limits, "reproduction_child")
    try:
        child.start()
    except BaseException:
        child.close()
        raise
    return child
