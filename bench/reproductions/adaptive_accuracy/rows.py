"""The rows of adaptive accuracy: one per contestant and share of the work."""

from typing_extensions import TypedDict

ADAPTIVE, FIXED, STOCHASTIC = "adaptive", "fixed", "stochastic"
"""Kinds of contestants."""
JUDGED, GRANTED = 1e-10, 1e-8
"""Relative residual of the solutions that judge, and what they may hide of a loss, relative."""


class TrainedRow(TypedDict):
    """What a contestant had reached when its lower levels had taken a share of the work that all may take.

    Attributes:
        case: the problem's name.
        size: of its images, "32 x 32".
        quick: whether it was a quick run.
        contestant: the upper level, and what it was given.
        kind: `ADAPTIVE`, `FIXED` or `STOCHASTIC`.
        given: the accuracy that it began with, or the tolerance that it kept.
        share: of the work.
        status: ok; max_steps where the steps of training ended before the work; not_finite.
        reason: empty where it is ok.
        steps: of training.
        taken: those among them that moved the parameters.
        risen: those of these that raised the training loss, by more than `GRANTED` of it.
        gradients: of energies, over all training images.
        products: of Hessians with vectors, over all training images.
        training_loss: mean squared error, at solutions that judge.
        test_psnr: mean over test images, likewise, dB.
        start_psnr: the same of the parameters that all begin with.
    """

    case: str
    size: str
    quick: bool
    contestant: str
    kind: str
    given: float
    share: float
    status: str
    reason: str
    steps: int
    taken: int
    risen: int
    gradients: int
    products: int
    training_loss: float | None
    test_psnr: float | None
    start_psnr: float
