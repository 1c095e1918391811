"""What a worker is asked of a reproduction: to measure a case."""

import platform
from collections.abc import Sequence
from typing import Any

from ..isolation.limits import IsolationLimits
from ..isolation.reproduced_apart import reproduced_apart
from ..isolation.reproduction_child import ReproductionSetup
from ..records.reproduced_case import reproduced_now
from ..reproductions.reproduction import EndsProcesses, NamedCase, Reproduction
from .worker import alone, unheard


def measure_case(
    entry: Reproduction[Any],
    case: NamedCase,
    setup: ReproductionSetup,
    limits: IsolationLimits,
    shares: Sequence[Sequence[int]],
) -> str:
    """Return the line of a reproduction's case with its rows.

    It is measured in this process, or in one of its own if it may end that.

    Args:
        entry: the reproduction.
        case: one of its cases.
        setup: what a process has to know of it.
        limits: of a process of its own.
        shares: which processors each worker of this machine has, by its name; empty for all.

    Raises:
        UserError: for a device that cannot be reached, or a row without a status of the closed list.
    """
    apart = isinstance(entry, EndsProcesses)
    with alone(setup.device, shares, spare=apart) as worker:
        if apart:
            (measured,) = reproduced_apart(entry, [case], setup, limits, unheard)
        else:
            measured = reproduced_now(case.name, entry.measure(case, setup.quick))
        where = {"worker": worker, "machine": platform.node()}
        return measured.model_copy(update={"where": where}).to_line()
