"""The rows of the training of ridge regularisers: points of curves, and qualities on the test images."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from typing_extensions import TypedDict

from ..rows import RecordedRow, read_rows, told_apart

CURVE: Literal["curve"] = "curve"
TEST: Literal["test"] = "test"
"""What a row is."""
NOISY, BASELINE, LEARNED = "measurement", "baseline", "learned"
"""What restores the test images: nothing, a regulariser with a tuned weight, a trained one."""


class CurveRow(TypedDict):
    """One trained contestant after a share of its time.

    Attributes:
        what: `CURVE`.
        case: the regulariser's name.
        quick: whether it was a quick run.
        contestant: the regulariser and the gradient that it was trained with.
        status: ok; diverged where training did; failed where it is stuck.
        reason: empty where it is ok.
        seconds: of training so far, compilation aside.
        steps: of training so far.
        solve_missed: those among them that were not taken as a solve missed its tolerance.
        adjoint_missed: those that were not taken as an adjoint equation alone did.
        solver_steps: of the lower level, the mean over the batches since the last point; None without a step.
        held_out_psnr: mean over the held-out crops, dB; None where a solve did not converge.
    """

    what: Literal["curve"]
    case: str
    quick: bool
    contestant: str
    status: str
    reason: str
    seconds: float
    steps: int
    solve_missed: int
    adjoint_missed: int
    solver_steps: float | None
    held_out_psnr: float | None


class QualityRow(TypedDict):
    """What a contestant reaches on the test images.

    Attributes:
        what: `TEST`.
        case: the case's name.
        quick: whether it was a quick run.
        contestant: its name.
        kind: `NOISY`, `BASELINE` or `LEARNED`.
        regularizer: "CRR", "WCRR", or a baseline's name.
        gradient: what a learned one was trained with; empty for others.
        status: ok where every solve of a test image converged, training went to its end with nearly all steps
            taken, and a tuned weight rests on solves that converged; else what became of it.
        reason: empty where it is ok.
        data: what was trained and tested on, in words.
        images: how many were tested on.
        weight: that was tuned on crops of the training photographs; None where nothing was.
        psnr: mean over the test images, dB.
        ssim: mean over the test images.
        steps: of training; 0 where nothing was trained.
        not_taken: of them.
        seconds: of training.
    """

    what: Literal["test"]
    case: str
    quick: bool
    contestant: str
    kind: str
    regularizer: str
    gradient: str
    status: str
    reason: str
    data: str
    images: int
    weight: float | None
    psnr: float | None
    ssim: float | None
    steps: int
    not_taken: int
    seconds: float


class RidgeRows(NamedTuple):
    """All rows, told apart."""

    curves: list[CurveRow]
    tests: list[QualityRow]


def read_recorded(rows: Sequence[RecordedRow]) -> RidgeRows:
    """Tell the rows apart by what they say they are.

    Raises:
        UserError: for a row of no known kind, or one that lacks a field or holds another type there.
    """
    curves, tests = told_apart(rows, CURVE, TEST)
    return RidgeRows(read_rows(curves, CurveRow), read_rows(tests, QualityRow))
