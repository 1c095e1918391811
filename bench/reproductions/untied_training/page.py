"""The page of untied training."""

from collections.abc import Sequence

from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from .figure import contraction_figure, errors_figure
from .grid import DENOISING_SCHEDULE, FACE_SCHEDULE
from .recorded_rows import UntiedRows
from .rows import EquilibriumTrainingRow, FaceStepRow, StepSizeRow
from .settings import MOST_STEPS, MOST_TEST_STEPS, TOLERANCE
from .training import LAST_RATE, RATE
from .verdict import (
    PUBLISHED_BACKWARD,
    PUBLISHED_FORWARD,
    RULE,
    TrainedPair,
    count_fits,
    count_speed,
    pairs_of,
    who_generalises,
)

QUESTION = (
    "Fixed points of  x - tau (K^T (K x - y) + gamma C^T sigma(A x + b))  are trained to restore images: "
    "tied, C = A, where an energy stands behind them (bilevel learning), and untied, where C is free (a deep "
    "equilibrium model). Both start from one model and see the same batches. The gradient is implicit: "
    "w = (I - J^T)^-1 g by accelerated iterations of vector-Jacobian products, and one product by the "
    "weights. Digits, or crops of photographs, of 28 x 28 pixels have values from -1 to 1; K leaves out the "
    "upper ten rows, blurs along five pixels of a diagonal, or is the identity; sigma(t) = max(t, 0), and A "
    "is random at first. Solver and adjoint are accelerated by Anderson's method with five moves, to a "
    f"relative residual of {TOLERANCE:g}, in at most {MOST_STEPS} iterations ({MOST_TEST_STEPS} where errors "
    f"are measured). Adam's rate is on a cosine from {RATE:g} to {LAST_RATE:g}, batches are of "
    f"{DENOISING_SCHEDULE.batch} digits or {FACE_SCHEDULE.batch} faces, the loss is the mean squared error, "
    "all in float32. Faces have values from 0 to 1 and the authors' weight 18.156 "
    "of the data, tau 1/800, tanh(100 t) and a border of zeros; filters are total variation's and a little "
    "noise at first. Deviations from the paper: few epochs on a thousand images, and a part of its grid; a "
    "residual over tau, ||T(x) - x|| / (tau ||K^T y||), so that a small step does not pass for a small "
    "residual; a safeguard in Anderson's method, and a ridge of rounding in that of the adjoint; lambda is "
    "one for digits; faces are trained on their middle, with Anderson's method."
)
TRAINED = (
    "setting", "seed", "model", "status", "training error / 1e-3", "test error / 1e-3", "gap / 1e-3",
    "at the start / 1e-3", "solver steps", "adjoint steps", "missed", "adjoints missed", "contraction",
    "largest", "seconds",
)  # fmt: skip
PAIRED = ("setting", "seed", "training, untied over tied", "test, untied over tied", "judged")
STEP_SIZES = (
    "tau", "model", "seed", "contraction", "largest", "Anderson's steps", "solved", "plain steps",
    "plain solved", "plain diverged",
)  # fmt: skip
FACE_STEPS = (
    "contestant", "model", "status", "forward s", "backward s", "authors' over it", "steps", "adjoint steps",
    "residual", "adjoint residual", "gradient's difference",
)  # fmt: skip


def make_page(recorded: UntiedRows) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = [*count_fits(recorded.trained), count_speed(recorded.face_steps)]
    generalising = who_generalises(recorded.trained)
    figures = {}
    if any(one.is_compared for one in pairs_of(recorded.trained)):
        figures["errors"] = errors_figure(recorded.trained)
    if recorded.step_sizes:
        figures["contraction"] = contraction_figure(recorded.step_sizes)
    return Page(
        title="Untied against tied weights: who fits, and who generalises",
        question=QUESTION,
        rule=RULE,
        sections=[
            targets_section(targets),
            _pairs(recorded.trained),
            _trained(recorded.trained),
            _step_sizes(recorded.step_sizes),
            _face_steps(recorded.face_steps),
        ],
        verdict=f"{counted_verdict(targets)} {generalising}{'.' * bool(generalising)}".strip(),
        figures=figures,
    )


def _pairs(rows: Sequence[EquilibriumTrainingRow]) -> TextTable:
    lines = [
        [
            pair.tied["setting"],
            str(pair.tied["seed"]),
            f"{pair.training_ratio:.4f}" if pair.is_compared else "",
            f"{pair.test_ratio:.4f}" if pair.is_compared else "",
            _judged(pair),
        ]
        for pair in pairs_of(rows)
    ]
    return TextTable("Pairs", "" if lines else "Not measured.", PAIRED, lines, words=("judged",))


def _judged(pair: TrainedPair) -> str:
    if not pair.is_judged:
        return "no"
    apart = "" if pair.is_exact else ", apart"
    return f"yes{apart}{', the untied one failed' * pair.is_lost}"


def _trained(rows: Sequence[EquilibriumTrainingRow]) -> TextTable:
    lines = [
        [
            row["setting"],
            str(row["seed"]),
            row["model"],
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
            _thousandths(row["training_error"]),
            _thousandths(row["test_error"]),
            _thousandths(_gap(row)),
            _thousandths(row["first_test_error"]),
            f"{row['solver_steps']:.1f}",
            f"{row['adjoint_steps']:.1f}",
            f"{row['missed']:.1%}",
            f"{row['missed_adjoints']:.1%}",
            cell(row["contraction"], ".3f"),
            cell(row["largest_contraction"], ".3f"),
            f"{row['seconds']:.0f}",
        ]
        for row in rows
    ]
    text = (
        "Mean squared errors of all training and test images at equilibria of the trained weights; the gap "
    )
    text += "is test less training." + (f" {_sizes(rows)}" if rows else " Not measured.")
    return TextTable("Trainings", text, TRAINED, lines, words=("model", "status"))


def _sizes(rows: Sequence[EquilibriumTrainingRow]) -> str:
    sizes = dict.fromkeys(
        f"{row['source']}: {row['training_images']} to train and {row['test_images']} to test on, "
        f"{row['epochs']} epochs, {row['training_steps']} steps"
        for row in rows
    )
    return "; ".join(sizes) + "."


def _step_sizes(rows: Sequence[StepSizeRow]) -> TextTable:
    lines = [
        [
            f"{row['tau']:g}",
            row["model"],
            str(row["seed"]),
            cell(row["contraction"], ".3f"),
            cell(row["largest_contraction"], ".3f"),
            cell(row["accelerated_steps"], ".1f"),
            f"{row['accelerated_solved']} of {row['count']}",
            cell(row["plain_steps"], ".1f"),
            f"{row['plain_solved']} of {row['count']}",
            str(row["plain_diverged"]),
        ]
        for row in rows
    ]
    text = (
        "The fixed points do not depend on tau; whether iterations find them does. Weights of "
        f"{rows[0]['setting']}. A factor above one expands."
        if rows
        else "Not measured."
    )
    return TextTable("Contraction by tau", text, STEP_SIZES, lines, words=("model",))


def _face_steps(rows: Sequence[FaceStepRow]) -> TextTable:
    published = PUBLISHED_FORWARD + PUBLISHED_BACKWARD
    lines = [
        [
            row["contestant"],
            row["model"],
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
            f"{row['forward_seconds']:.2f}",
            f"{row['backward_seconds']:.2f}",
            "" if row["quick"] else f"{published / (row['forward_seconds'] + row['backward_seconds']):.1f}",
            f"{row['steps']:.0f}",
            f"{row['adjoint_steps']:.0f}",
            cell(row["residual"], ".1e"),
            cell(row["adjoint_residual"], ".1e"),
            cell(row["gradient_difference"], ".1e"),
        ]
        for row in rows
    ]
    text = "Not measured."
    if rows:
        height, width = rows[0]["shape"]
        text = (
            f"{rows[0]['images']} {rows[0]['source']} of {height} x {width}, {rows[0]['setting']}, at the "
            f"start. The authors' code took {PUBLISHED_FORWARD:g} s forward and {PUBLISHED_BACKWARD:g} s "
            "backward on two cores, for 1000 plain iterations each way on 10 images of 218 x 178."
        )
    return TextTable("One step on faces", text, FACE_STEPS, lines, words=("model", "status"))


def _gap(row: EquilibriumTrainingRow) -> float | None:
    training, test = row["training_error"], row["test_error"]
    return None if training is None or test is None else test - training


def _thousandths(error: float | None) -> str:
    return "" if error is None else f"{1e3 * error:.3f}"
