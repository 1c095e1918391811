"""The rows of training by restarts: gradients at equal work, and trainings."""

from typing import Literal

from typing_extensions import TypedDict

WORK: Literal["work"] = "work"
TRAINING: Literal["training"] = "training"
"""What a row is of."""


class WorkRow(TypedDict):
    """The error of one gradient at the start of training.

    Attributes:
        what: work.
        task: which.
        seed: of the crops.
        quick: whether it was a quick run.
        status: ok; adjoint_missed where the exact gradient is not known; not_finite where this one is not.
        reason: a sentence where it is not ok.
        method: whose gradient.
        work: steps and products with their transposed Jacobians, in all.
        gradient_error: relative; None where it is not ok.
    """

    what: Literal["work"]
    task: str
    seed: int
    quick: bool
    status: str
    reason: str
    method: str
    work: int
    gradient_error: float | None


class ReachedBy(TypedDict):
    """What one training reached. PSNR is the mean over held-out crops, in dB, at fixed points.

    Attributes:
        status: ok; diverged; max_steps or adjoint_missed where steps were not taken.
        reason: empty where it is ok.
        steps: of training.
        refused: those of them whose solve or adjoint equation failed; they were not taken.
        chunk_seconds: of training until the end of each chunk.
        chunk_losses: mean loss over the batches of each chunk; None where it is not finite.
        start_psnr: where training starts.
        start_unsolved: held-out crops whose fixed point was not reached there.
        psnr: where it ends.
        unsolved: held-out crops whose fixed point was not reached, at the end.
        equal_seconds: what the fastest of the methods took for all its steps; None if none made them.
        equal_steps: steps that this one had made by then.
        equal_psnr: PSNR after them.
        equal_unsolved: as `unsolved`, after them.
        start_error: relative error of the method's gradient, where training starts; None where it or the
            exact one is not known.
        end_error: the same where it ends.
    """

    status: str
    reason: str
    steps: int
    refused: int
    chunk_seconds: list[float]
    chunk_losses: list[float | None]
    start_psnr: float | None
    start_unsolved: int
    psnr: float | None
    unsolved: int
    equal_seconds: float | None
    equal_steps: int | None
    equal_psnr: float | None
    equal_unsolved: int | None
    start_error: float | None
    end_error: float | None


class TrainedByRow(ReachedBy):
    """One training, and what it reached.

    Attributes:
        what: training.
        model: which.
        task: which.
        seed: of crops, operator, noise and batches.
        quick: whether it was a quick run.
        size: of the crops.
        method: whose gradient it was trained by.
    """

    what: Literal["training"]
    model: str
    task: str
    seed: int
    quick: bool
    size: str
    method: str
