"""The rows of BLORC's training experiments: speed, training on signals, training on an image."""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

Matrix = list[list[float]]
"""Rows of numbers, rounded for a picture."""


class SpeedRow(TypedDict):
    """A contestant at one stage of a training.

    Attributes:
        what: "speed".
        quick: whether it was a quick run.
        stage: with which W the steps begin: the first one, or a trained one.
        contestant: this project, or the authors' algorithm.
        status: one of `records.status`; not_certified where timed steps of ours were not taken, or begin with
            another gradient.
        reason: why, where the status needs it.
        rounds: in which both were timed.
        step_seconds: of one step, median over the rounds, and quartiles.
        ratio: the authors' seconds over ours, formed round by round, median and quartiles.
        gradient_error: of the first step's gradient, against one on solutions certified by another solver.
        versions: of cvxpy and its solver.
    """

    what: Literal["speed"]
    quick: bool
    stage: str
    contestant: str
    status: str
    reason: str
    rounds: int
    step_seconds: float | None
    step_seconds_q1: float | None
    step_seconds_q3: float | None
    ratio: float | None
    ratio_q1: float | None
    ratio_q3: float | None
    gradient_error: float | None
    versions: dict[str, str]


class TrainingJudged(TypedDict):
    """What became of a training and its test.

    Attributes:
        status: ok, or not_certified where steps were refused, or solves behind the errors are doubtful.
        reason: how many.
    """

    status: str
    reason: str


class TrainingCost(TypedDict):
    """How a training went.

    Attributes:
        quick: whether it was a quick run.
        rate: of gradient descent.
        seed: of signals, noise and batches.
        steps: that were asked for.
        refused: steps that were not taken, as a solution was not certified or its active rows depended.
        rank_deficient: how many of them had dependent active rows, where there is no gradient by W.
        dual_steps: of the dual iteration, on average in a step.
        seconds: of all steps, compilation aside.
        losses: of the batches, one mean for each thousand steps.
        learned: W, its rows in the order of those that they look like; None for all seeds but the first.
    """

    quick: bool
    rate: float
    seed: int
    steps: int
    refused: int
    rank_deficient: NotRequired[int]
    dual_steps: float
    seconds: float
    losses: list[float]
    learned: Matrix | None


class SignalRow(TrainingCost, TrainingJudged):
    """A W that was trained on signals.

    Attributes:
        what: "signals".
        signals: their kind.
        operator: the operator that W is compared with.
        likeness_of_rows: mean over the learned rows of the best cosine with an expected row.
        likeness_of_expected: mean over the expected rows of the best cosine with a learned row.
        likeness_on_the_way: `likeness_of_rows` after every 10,000 steps.
        rows: how many learned rows count.
        mean_squared_error: over the test signals: noisy, learned, differences and cosine transform.
        weight: of differences and cosine transform, chosen on training signals.
        uncertified: solutions behind the errors that were not certified: of test signals with every operator,
            and of the signals that weights were chosen on.
    """

    what: Literal["signals"]
    signals: str
    operator: str
    likeness_of_rows: float
    likeness_of_expected: float
    likeness_on_the_way: list[float]
    rows: int
    mean_squared_error: dict[str, float]
    weight: dict[str, float]
    uncertified: int


class ImageRow(TrainingCost, TrainingJudged):
    """A W that was trained on 8 x 8 patches of one image, and the whole image that it denoises.

    Attributes:
        what: "image".
        trained_on: the file's name.
        denoised: the file's name; the same one with other noise where there is no second image.
        shape: of the denoised image.
        mean_squared_error: over its pixels: noisy, learned, total variation, cosine transform.
        weight: of the baselines, chosen on the middle 256 x 256 pixels of the training image.
        residual: the largest duality gap of a patch over ||y||^2, of the learned W.
        missed: solves of total variation, of this image or while its weight was chosen, that missed their
            tolerance.
        crops: a square of the image by method, grey values from 0 to 255; None for all seeds but the first.
    """

    what: Literal["image"]
    trained_on: str
    denoised: str
    shape: list[int]
    mean_squared_error: dict[str, float]
    weight: dict[str, float]
    residual: float
    missed: NotRequired[int]
    crops: dict[str, list[list[int]]] | None
