"""The status of a solve's outcome."""

from typing import SupportsInt

from ...solvers.solver import Outcome
from ..records.status import Status

_STATUSES = {
    Outcome.CONVERGED: Status.OK,
    Outcome.MAX_STEPS: Status.MAX_STEPS,
    Outcome.NOT_FINITE: Status.NOT_FINITE,
    Outcome.DIVERGED: Status.DIVERGED,
    Outcome.OUT_OF_RANGE: Status.OUT_OF_RANGE,
}


def status_of(outcome: SupportsInt) -> Status:
    """Return the status of a single solve's outcome."""
    return _STATUSES[Outcome(int(outcome))]
