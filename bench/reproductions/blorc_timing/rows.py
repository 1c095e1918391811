"""The rows of BLORC's timing experiment."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from ...measure.samples import Quartiles

Quantity = Literal["solve_seconds", "backward_seconds", "total_seconds", "total_ratio"]


class SignalSetting(TypedDict):
    """What all rows of one length share.

    Attributes:
        n: length of the signal, and number of the analysis operator's rows.
        active_rows: how many of those rows are active at the solution.
        one_cpu: whether the process was bound to one processor.
        blas_threads: threads of numpy's BLAS; None where that is unknown.
        quick: whether it was a quick run.
        peer_versions: of cvxpy, diffcp and the solvers behind them, as far as they are installed.
    """

    n: int
    active_rows: int
    one_cpu: bool
    blas_threads: int | None
    quick: bool
    peer_versions: NotRequired[dict[str, str]]


class TimingOutcome(TypedDict):
    """What became of a contestant at one setting.

    Attributes:
        contestant: its name; with several settings it has several rows.
        setting: its tolerance or its steps.
        status: one of `records.status`.
        reason: why, where the status needs it.
        relative_error: of the gradient by W, against the theorem on a certified solution.
        equal_accuracy: whether that error is small enough for its time to be compared.
    """

    contestant: str
    setting: str
    status: str
    reason: str
    relative_error: float | None
    equal_accuracy: bool


class Times(TypedDict, total=False):
    """Medians and quartiles over the rounds; none for what could not be timed.

    Attributes:
        rounds: in which both the solve and the solve with gradient were timed.
        solve_seconds: of the forward solve.
        backward_seconds: of solve with gradient, less the solve, formed round by round.
        total_seconds: of solve with gradient.
        total_ratio: of solve with gradient over the closed form's, formed round by round.
    """

    rounds: int
    solve_seconds: float
    solve_seconds_q1: float
    solve_seconds_q3: float
    backward_seconds: float
    backward_seconds_q1: float
    backward_seconds_q3: float
    total_seconds: float
    total_seconds_q1: float
    total_seconds_q3: float
    total_ratio: float
    total_ratio_q1: float
    total_ratio_q3: float


class TimedRow(SignalSetting, TimingOutcome, Times):
    """A contestant at one setting on one length."""


def quartiles_of(row: TimedRow, quantity: Quantity) -> Quartiles | None:
    """Return median and quartiles of one quantity; None where it was not timed."""
    median, q1, q3 = {
        "solve_seconds": (
            row.get("solve_seconds"),
            row.get("solve_seconds_q1"),
            row.get("solve_seconds_q3"),
        ),
        "backward_seconds": (
            row.get("backward_seconds"),
            row.get("backward_seconds_q1"),
            row.get("backward_seconds_q3"),
        ),
        "total_seconds": (
            row.get("total_seconds"),
            row.get("total_seconds_q1"),
            row.get("total_seconds_q3"),
        ),
        "total_ratio": (row.get("total_ratio"), row.get("total_ratio_q1"), row.get("total_ratio_q3")),
    }[quantity]
    return None if median is None or q1 is None or q3 is None else Quartiles(median, q1, q3)
