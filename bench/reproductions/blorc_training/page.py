"""The page of BLORC's training experiments."""

from collections.abc import Sequence

from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from .figure import images_figure, losses_figure, operators_figure
from .pictures import TUNING_SIDE
from .rows import ImageRow, SignalRow, SpeedRow
from .signals import BATCH, NOISE
from .training import AS_PUBLISHED, CHUNK, KEPT, TENFOLD
from .training_rows import TrainingRows
from .verdict import LIKE, RULE, count_targets

QUESTION = (
    "W of  min_x 1/2 ||x - y||^2 + ||W x||_1  is trained by the closed-form gradient of the mean squared "
    f"error, {BATCH} signals a step, noise {NOISE:g}, from W = 0.01 (I - 11^T / n), float64. A training is "
    "one compiled loop: accelerated dual steps, begun at the dual variable that the signal had when it was "
    "seen last, guess the active rows; the optimality system on them is then solved exactly, and a step is "
    "taken only if every solution of its batch is proved optimal, and its active rows are independent. The "
    "rate is the authors', for up to "
    f"{AS_PUBLISHED.steps} steps (theirs: 1e5 to 1e6), and ten times it, for {TENFOLD.steps}. The authors' "
    "algorithm is their own step: "
    "a cvxpy solve for every signal at its default tolerances, of a problem that cvxpy has analysed once, "
    "and the closed form by an SVD in numpy. Baselines are differences (total variation) and the cosine "
    "transform. BM3D and operators that are learned without supervision, with which the authors compare as "
    "well, are not here."
)


def make_page(recorded: TrainingRows) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(recorded)
    figures = {}
    if any(row["learned"] for row in recorded.signals):
        figures["learned_operators"] = operators_figure(recorded.signals)
        figures["losses"] = losses_figure(recorded)
    if any(row["crops"] for row in recorded.images):
        figures["denoised_images"] = images_figure(recorded.images)
    return Page(
        title="BLORC's training: speed, learned operators, denoising",
        question=QUESTION,
        rule=RULE,
        sections=[
            targets_section(targets),
            _speed(recorded.speed),
            _signals(recorded.signals),
            _images(recorded.images),
        ],
        verdict=counted_verdict(targets),
        figures=figures,
    )


def _speed(rows: Sequence[SpeedRow]) -> TextTable:
    lines = [
        [
            row["contestant"],
            row["stage"],
            cell(row["step_seconds"] and 1e3 * row["step_seconds"], ".3g"),
            _between(row["step_seconds_q1"], row["step_seconds_q3"], 1e3),
            cell(row["ratio"], ".0f"),
            _between(row["ratio_q1"], row["ratio_q3"], 1.0),
            cell(row["gradient_error"], ".1e"),
            str(row["rounds"]),
            row["reason"] or row["status"],
        ]
        for row in rows
    ]
    columns = (
        "contestant",
        "at",
        "ms a step",
        "quartiles",
        "over ours",
        "quartiles of ratio",
        "error of gradient",
        "rounds",
        "status",
    )
    versions = ", ".join(
        f"{name} {version}" for name, version in (rows[0]["versions"] if rows else {}).items()
    )
    both = "Both in the same rounds; ours are the steps that come next in the training."
    text = f"{both} {versions}".strip() if rows else "Not measured."
    return TextTable(
        "Steps per second, piecewise-constant signals", text, columns, lines, words=("at", "status")
    )


def _signals(rows: Sequence[SignalRow]) -> TextTable:
    lines = [
        [
            row["signals"],
            f"{row['rate']:g}",
            str(row["seed"]),
            str(row["steps"]),
            f"{row['likeness_of_rows']:.3f}",
            f"{row['likeness_of_expected']:.3f}",
            _first_like(row),
            str(row["rows"]),
            *(f"{1e3 * error:.3f}" for error in row["mean_squared_error"].values()),
            str(row["uncertified"]),
            *_of_training(row),
        ]
        for row in rows
    ]
    errors = [f"{name}, MSE / 1e-3" for name in (rows[0]["mean_squared_error"] if rows else ())]
    columns = (
        "signals", "rate", "seed", "steps", "best cosine of learned rows", "of expected rows",
        f"steps until it is {LIKE:g}", "rows", *errors, "not certified",
        "seconds", "dual steps", "steps not taken", "status",
    )  # fmt: skip
    weights = {
        name: sorted({row["weight"][name] for row in rows}) for name in (rows[0]["weight"] if rows else ())
    }
    chosen = "; ".join(f"{name}: {', '.join(f'{one:.3g}' for one in some)}" for name, some in weights.items())
    text = f"Weights of the baselines, chosen on training signals: {chosen}." if rows else "Not measured."
    return TextTable("Signals", text, columns, lines, words=("status",))


def _images(rows: Sequence[ImageRow]) -> TextTable:
    lines = [
        [
            f"{row['denoised']}, trained on {row['trained_on']}",
            f"{row['rate']:g}",
            str(row["seed"]),
            str(row["steps"]),
            *(f"{1e3 * error:.3f}" for error in row["mean_squared_error"].values()),
            f"{row['residual']:.0e}",
            cell(row.get("missed"), "d"),
            *_of_training(row),
        ]
        for row in rows
    ]
    errors = [f"{name}, MSE / 1e-3" for name in (rows[0]["mean_squared_error"] if rows else ())]
    columns = (
        "image", "rate", "seed", "steps", *errors, "largest duality gap", "solves missed",
        "seconds", "dual steps", "steps not taken", "status",
    )  # fmt: skip
    how = "Every 8 x 8 patch is denoised, and the patches are averaged; baselines are tuned on the middle"
    text = f"{how} {TUNING_SIDE} x {TUNING_SIDE} pixels of the training image." if rows else "Not measured."
    return TextTable("Whole images", text, columns, lines, words=("status",))


def _first_like(row: SignalRow) -> str:
    """Return after how many steps, a multiple of 10,000, the rows first look like the expected ones."""
    likely = [number for number, value in enumerate(row["likeness_on_the_way"], 1) if value >= LIKE]
    return str(CHUNK * KEPT * likely[0]) if likely else "not reached"


def _of_training(row: SignalRow | ImageRow) -> list[str]:
    depended = row.get("rank_deficient", 0)
    refused = f"{row['refused']} ({depended} with dependent rows)" if depended else str(row["refused"])
    seconds, dual_steps = f"{row['seconds']:.0f}", f"{row['dual_steps']:.0f}"
    return [seconds, dual_steps, refused, row["reason"] or row["status"]]


def _between(low: float | None, high: float | None, unit: float) -> str:
    return "" if low is None or high is None else f"{unit * low:.3g} to {unit * high:.3g}"
