"""The rows of untied training: trainings, maps by their step size, and steps on faces."""

from typing import Literal

from typing_extensions import TypedDict

TIED, UNTIED = "tied", "untied"
ACCELERATED = "accelerated, to the same residuals"


class StepCounts(TypedDict):
    """What the steps of a training tell.

    Attributes:
        training_steps: of Adam.
        not_taken: steps that were not taken, as a solve of their batch diverged.
        missed: share of the training's solves that stopped at their limit; what went away is not in it.
        missed_adjoints: the same of adjoint iterations.
        solver_steps: mean of the training's solves.
        adjoint_steps: mean of their adjoints.
        residual: the largest of the training's solves; None where one is not finite.
        adjoint_residual: the largest of their adjoints; None where one is not finite.
        losses: of the batches, one mean for each epoch; None where it is not finite.
        seconds: of all steps, compilation aside.
    """

    training_steps: int
    not_taken: int
    missed: float
    missed_adjoints: float
    solver_steps: float
    adjoint_steps: float
    residual: float | None
    adjoint_residual: float | None
    losses: list[float | None]
    seconds: float


class EquilibriumTrainingRow(StepCounts):
    """A training of one model from one seed.

    Attributes:
        what: "training".
        quick: whether it was a quick run.
        setting: map, task and noise in words.
        source: of the images: digits, faces or photographs.
        task: denoising, inpainting or deblurring.
        noise: standard deviation.
        tau: step size of the map.
        gamma: weight of the experts.
        model: tied or untied.
        seed: of the split, the noise, the start and the batches.
        status: ok; adjoint_missed where an adjoint of a step stopped at its limit; max_steps where an
            equilibrium did, in training or in evaluation; diverged where something went away.
        reason: how many did.
        training_images: how many.
        test_images: how many.
        epochs: how often each came.
        measured_error: mean squared error of the measurements themselves on test images.
        first_training_error: mean squared error of the start's equilibria on all training images; None where
            one diverged.
        first_test_error: the same on test images.
        training_error: of the trained weights on all training images; None where an equilibrium diverged.
        test_error: of the trained weights on test images; None where an equilibrium diverged.
        missed_equilibria: of training and test images together, how many stopped at their limit at the end.
        diverged_equilibria: how many went away.
        contraction: mean contraction factor of the map at test images' equilibria.
        largest_contraction: of them.
    """

    what: Literal["training"]
    quick: bool
    setting: str
    source: str
    task: str
    noise: float
    tau: float
    gamma: float
    model: str
    seed: int
    status: str
    reason: str
    training_images: int
    test_images: int
    epochs: int
    measured_error: float
    first_training_error: float | None
    first_test_error: float | None
    training_error: float | None
    test_error: float | None
    missed_equilibria: int
    diverged_equilibria: int
    contraction: float | None
    largest_contraction: float | None


class StepSizeRow(TypedDict):
    """The map of trained weights under another step size, which does not change its fixed points.

    Attributes:
        what: "step size".
        quick: whether it was a quick run.
        setting: with which the weights were trained.
        model: tied or untied.
        seed: of the training.
        status: ok, or diverged where the plain or the accelerated iteration does.
        reason: which, and of how many images.
        tau: step size of the map.
        count: images.
        contraction: mean contraction factor of the map; above one it expands.
        largest_contraction: of them.
        accelerated_steps: mean of Anderson's iterations, of the images that they solved; None where there is
            none.
        accelerated_solved: images that it solved to the tolerance.
        plain_steps: mean of plain iterations, of the images that they solved; None where there is none.
        plain_solved: images that plain iterations solved.
        plain_diverged: images of which they went away.
    """

    what: Literal["step size"]
    quick: bool
    setting: str
    model: str
    seed: int
    status: str
    reason: str
    tau: float
    count: int
    contraction: float | None
    largest_contraction: float | None
    accelerated_steps: float | None
    accelerated_solved: int
    plain_steps: float | None
    plain_solved: int
    plain_diverged: int


class FaceStepRow(TypedDict):
    """One step of training on faces: a forward solve of all images, and their adjoints with the gradient.

    Attributes:
        what: "face step".
        quick: whether it was a quick run.
        setting: the filters.
        source: of the images: faces or photographs.
        model: tied or untied.
        contestant: so many plain iterations, or `ACCELERATED`.
        status: ok; diverged where iterations went away; max_steps where residuals are above those of plain
            iterations, or where these set none as they went away or came nowhere.
        reason: which.
        images: how many.
        shape: of each, in pixels.
        forward_seconds: of the solves of all images.
        backward_seconds: of adjoints and gradient.
        steps: mean over the images.
        adjoint_steps: mean over the images.
        residual: the largest.
        adjoint_residual: the largest.
        gradient_difference: relative, from the gradient by plain iterations; None for these, and where they
            are not ok.
    """

    what: Literal["face step"]
    quick: bool
    setting: str
    source: str
    model: str
    contestant: str
    status: str
    reason: str
    images: int
    shape: list[int]
    forward_seconds: float
    backward_seconds: float
    steps: float
    adjoint_steps: float
    residual: float | None
    adjoint_residual: float | None
    gradient_difference: float | None


AnyUntiedRow = EquilibriumTrainingRow | StepSizeRow | FaceStepRow
