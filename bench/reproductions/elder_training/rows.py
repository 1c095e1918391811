"""The rows of ELDER's training: a regulariser on a task, from one seed."""

from typing_extensions import TypedDict

Grey = list[list[int]]
"""An image in grey values from 0 to 255."""


class EquilibriumRow(TypedDict):
    """A regulariser as pre-trained and as trained.

    Attributes:
        quick: whether it was a quick run.
        images: what was restored, in words.
        task: in words.
        regularizer: in words.
        explicit: whether it has an energy.
        seed: of crops, noise, operator and network.
        status: ok; diverged or not_finite where training or a test crop's solve were; max_steps or
            adjoint_missed where at least half of the steps were not taken for solves or adjoint equations
            that missed their tolerance.
        reason: a sentence where it is not ok, or where the weight is at the edge.
        noisy_psnr: of test crops with noise of 0.1, in dB.
        denoised_psnr: of the same by the pre-trained network.
        weight: of the pre-trained regulariser, the best on training pairs.
        at_the_edge: whether weights that were not tried may be better.
        start_psnr: of A^T y / ||A||^2 on the test crops.
        pretrained_psnr: with that weight, mean over the test crops; None if one is no number.
        trained_psnr: after training.
        tests: how many test crops there are.
        pretrained_unsolved: test crops at whose end the tolerance was missed.
        trained_unsolved: after training.
        pretrained_residual: largest relative norm of the energy's gradient, or of the operator, at the ends.
        trained_residual: after training.
        steps: of training that were made.
        solve_missed: of them, not taken as a solve missed its tolerance.
        adjoint_missed: not taken as an adjoint equation alone did.
        adjoint_residual: the largest, relative, of the steps that were taken.
        solver_steps: of the lower level, mean over the training.
        losses: root mean squared errors, means over tenths of the training.
        seconds: of training, compilation aside.
        learned_weight: after training.
        learned_sigma: the noise level that the network is told, after training.
        crops: the first test crop by what it shows; None for all seeds but the first.
    """

    quick: bool
    images: str
    task: str
    regularizer: str
    explicit: bool
    seed: int
    status: str
    reason: str
    noisy_psnr: float
    denoised_psnr: float
    weight: float
    at_the_edge: bool
    start_psnr: float
    pretrained_psnr: float | None
    trained_psnr: float | None
    tests: int
    pretrained_unsolved: int
    trained_unsolved: int
    pretrained_residual: float | None
    trained_residual: float | None
    steps: int
    solve_missed: int
    adjoint_missed: int
    adjoint_residual: float | None
    solver_steps: float
    losses: list[float]
    seconds: float
    learned_weight: float
    learned_sigma: float
    crops: dict[str, Grey] | None
