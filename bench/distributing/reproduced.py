"""Cases of a reproduction, measured by workers."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..isolation.limits import IsolationLimits
from ..isolation.reproduction_child import ReproductionSetup
from ..records.reproduced_case import ReproducedCase
from ..reproductions.reproduction import NamedCase, Reproduction
from .case_task import measure_case
from .handed_out import handed_out
from .waiting import Piece


def reproduced_cases(
    client: Any,
    entry: Reproduction[Any],
    cases: Sequence[NamedCase],
    setup: ReproductionSetup,
    limits: IsolationLimits,
    shares: Sequence[Sequence[int]],
    begin: Callable[[str], None],
) -> Iterator[ReproducedCase]:
    """Yield one case after the other with its rows, as workers return them.

    Args:
        client: a `distributed.Client`.
        entry: the reproduction.
        cases: those to be measured, each by one worker alone.
        setup: what a process has to know of it.
        limits: of a process of its own, if it may end that.
        shares: which processors each worker of this machine has; empty for all.
        begin: is told what is going on.

    Raises:
        UserError: if a worker cannot measure, a row has no status of the closed list, or a case is lost
            again and again.
    """
    own = [list(one) for one in shares]
    pieces = [Piece(case.name, measure_case, (entry, case, setup, limits, own)) for case in cases]
    for line in handed_out(client, pieces, begin):
        yield ReproducedCase.from_line(line.encode())
