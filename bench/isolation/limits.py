"""What a process that measures cases may take, and how its end is said."""

import math
from typing import Annotated, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from ..errors import UserError
from ..machine.memory import host_memory_limit
from ..records.status import Status

LONGEST = 1800.0
"""Seconds without a word, by default."""


class IsolationLimits(BaseModel):
    """Say how long and how large a process may be that measures cases; recorded with the run.

    Attributes:
        seconds: how long it may be at one thing, such as to compile a program or to time a group.
        memory_bytes: of the host's memory that is resident at most; null for a share of what the host has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] = LONGEST
    memory_bytes: Annotated[int, Field(gt=0)] | None = None

    def of_each(self, processes: int) -> Self:
        """Return the limits of each of so many processes that share the host's memory."""
        if self.memory_bytes is not None:
            return self
        return self.model_copy(update={"memory_bytes": int(host_memory_limit() / processes)})


def limits_asked_for(
    isolate: bool | None,
    seconds: float | None,
    gibibytes: float | None,
    plugins: bool = False,
    workers: bool = False,
    resumed: bool = False,
) -> IsolationLimits | None:
    """Return the limits that options ask for, or None for no isolation.

    Workers have it, and plug-ins unless it is refused. A run that goes on keeps its own.

    Raises:
        UserError: for a limit without isolation, one that is not finite, or an option that would do nothing.
    """
    if resumed and (isolate, seconds, gibibytes) != (None, None, None):
        raise UserError(
            "a run that is resumed is isolated as it was: leave out --isolate, --case-seconds and "
            "--case-memory"
        )
    if workers and isolate is False:
        raise UserError("workers measure in processes of their own, always: leave out --no-isolate")
    if not (plugins or workers if isolate is None else isolate):
        if seconds is not None or gibibytes is not None:
            raise UserError("--case-seconds and --case-memory are limits of another process: give --isolate")
        return None
    return _limits(seconds, gibibytes)


def limits_given(seconds: float | None, gibibytes: float | None) -> IsolationLimits | None:
    """Return the limits of what is isolated anyway, None if none were given.

    Raises:
        UserError: for one that is not finite.
    """
    return None if seconds is None and gibibytes is None else _limits(seconds, gibibytes)


def _limits(seconds: float | None, gibibytes: float | None) -> IsolationLimits:
    for option, value in (("--case-seconds", seconds), ("--case-memory", gibibytes)):
        if value is not None and not math.isfinite(value):
            raise UserError(f"{option} must be a finite number; got {value}")
    memory = None if gibibytes is None else int(gibibytes * 2**30)
    return IsolationLimits(seconds=seconds or LONGEST, memory_bytes=memory)


class Death(NamedTuple):
    """How a process ended before it had measured what it was asked for.

    Attributes:
        status: what that is for the case that is at fault.
        evidence: signal or exit status, what it was at, and the last lines that it wrote.
        case: the id of the case that it was at; None if it was at what several share.
        timing: whether it was timing several in turn.
    """

    status: Status
    evidence: str
    case: str | None
    timing: bool = False
