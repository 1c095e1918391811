"""The page of training by restarts."""

from collections.abc import Sequence
from statistics import mean, stdev

from ...report.page import Page
from ...report.text_table import TextTable
from ..counted import counted_verdict, targets_section
from .contestants import BLOCKS, LAYERS, METHODS, REFERENCE_TOLERANCE, STEPS, TESTED, TOLERANCES
from .figure import losses_figure, work_figure
from .problem import LITTLE_NOISE, MODELS, NOISE, WAVELET_STEP
from .rows import TrainedByRow, WorkRow
from .stepped_denoiser import SIGMA, STEP_SCALE
from .verdict import (
    RULE,
    RecordedTrainings,
    count_nearness,
    count_trained,
    counts,
    end_psnr,
    equal_psnr,
    start_psnr,
)

_SIZES = "; ".join(
    f"{model.name}: crops of {model.full.side} pixels"
    f"{', in colour if the images are' if model.colour else ''}, {model.full.training} to train on "
    f"in batches of {model.full.batch} and {model.full.testing} held out, "
    f"{model.full.steps} steps of Adam at {model.rate:g}, {model.dtype}, exact solves in "
    f"at most {model.most} iterations"
    for model in MODELS
)
QUESTION = (
    "Does a training by restarts reach what one by the exact gradient does, and is it worth its price beside "
    f"the one-step gradient? Restarts differentiate the last {LAYERS} of {STEPS} forward-backward steps from "
    f"a cold start ({BLOCKS - 1} restarts of {LAYERS} steps before), one step the last of {STEPS}; the exact "
    "gradient is the implicit one of the fixed point, solved to a relative residual of "
    f"{TOLERANCES['float64']:g} in float64 and {TOLERANCES['float32']:g} in float32, its adjoint equation as "
    f"well, or else the step is not taken. All see the same batches. The models: a "
    "weight for each scale, band and channel of db4 wavelets, which start at exp(-3), with a step size of "
    f"{WAVELET_STEP:g} / L; step size and noise level of a plug-and-play iteration with the shipped DRUNet, "
    f"which start at {STEP_SCALE:g} / L and {SIGMA:g}; and all of that network's parameters with both. "
    f"Denoising has noise {NOISE:g}; inpainting of half of the pixels, and deconvolution of a diagonal line "
    f"of 9 pixels, have noise {LITTLE_NOISE:g}. Sizes are small and steps few, and rates are not all the "
    f"authors': {_SIZES}. Held-out crops are of other photographs. In float64, PSNR is "
    f"judged at fixed points solved to {TESTED.tolerance:g}, gradients against those of solves to "
    f"{REFERENCE_TOLERANCE:g}. The methods train in turn, chunk by chunk; seconds are those of their "
    "compiled steps, and equal time is what the fastest took for all its steps."
)


def make_page(recorded: RecordedTrainings) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = [*count_nearness(recorded), *count_trained(recorded)]
    figures = {}
    if recorded.work:
        figures["error_against_work"] = work_figure(recorded.work)
    if recorded.training:
        figures["losses"] = losses_figure(recorded)
    return Page(
        title="Training by restarts, by one step and by exact gradients",
        question=QUESTION,
        rule=RULE,
        sections=[targets_section(targets), _work(recorded.work), _trainings(recorded)],
        verdict=counted_verdict(targets),
        figures=figures,
    )


def _work(rows: Sequence[WorkRow]) -> TextTable:
    works = list(dict.fromkeys(row["work"] for row in rows))
    lines = []
    for task in dict.fromkeys(row["task"] for row in rows):
        for method in METHODS:
            here = [row for row in rows if (row["task"], row["method"]) == (task, method)]
            errors = [[row["gradient_error"] for row in here if row["work"] == work] for work in works]
            lines.append([task, method, *(_spread(one, ".1e") for one in errors), _reasons(here)])
    text = (
        "Of the gradient by the wavelet norm's weights where training starts, of one batch, relative; mean "
        "over the seeds ± standard deviation. A step of the iteration counts one, and so does a product with "
        "its transposed Jacobian. Restarts: three blocks of a quarter of the work, the last with its "
        "backward pass. Exact: one half for the solve, the other for fixed-point iterations of the adjoint."
    )
    columns = ("task", "gradient", *(f"work {work}" for work in works), "unknown as")
    told = text if rows else "Not measured."
    return TextTable("Errors with the same work", told, columns, lines, words=("unknown as",))


def _trainings(recorded: RecordedTrainings) -> TextTable:
    lines = []
    for model, task in recorded.cells():
        for method in METHODS:
            rows = list(recorded.of((model, task), method).values())
            if not rows:
                continue
            lines.append([model, task, method, *_measured(rows)])
    columns = (
        "model", "task", "gradient", "PSNR at the start, dB", "PSNR at the end", "PSNR in equal time",
        "error of gradient at the start", "at the end", "seconds", "steps not taken",
        "held-out crops without a fixed point at start and end", "status", "reason",
    )  # fmt: skip
    text = (
        "Mean over the seeds ± standard deviation, without the trainings that the rule leaves out, of which "
        "the number is told; a PSNR is unknown where a held-out crop has no fixed point that was found. "
        "Counts are summed over all seeds. Gradients' errors are relative, of one batch of training crops, "
        "each at the parameters that this training had then."
    )
    return TextTable(
        "Trainings",
        text if lines else "Not measured.",
        columns,
        lines,
        words=("model", "task", "status", "reason"),
    )


def _measured(rows: Sequence[TrainedByRow]) -> list[str]:
    """Return the cells of the trainings of a model on a task by one method."""
    good = [row for row in rows if counts(row)]
    left_out = f" ({len(rows) - len(good)} left out)" if len(good) < len(rows) else ""
    means = [
        _spread([start_psnr(row) for row in good], ".2f"),
        _spread([end_psnr(row) for row in good], ".2f"),
        _spread([equal_psnr(row) for row in good], ".2f"),
        _spread([row["start_error"] for row in good], ".1e"),
        _spread([row["end_error"] for row in good], ".1e"),
        _spread([row["chunk_seconds"][-1] for row in good], ".1f"),
    ]
    return [
        *(f"{one or 'none'}{left_out}" for one in means),
        str(sum(row["refused"] for row in rows)),
        f"{sum(row['start_unsolved'] for row in rows)}, {sum(row['unsolved'] for row in rows)}",
        "; ".join(dict.fromkeys(row["status"] for row in rows)),
        _reasons(rows),
    ]


def _reasons(rows: Sequence[WorkRow] | Sequence[TrainedByRow]) -> str:
    """Return the reasons of the seeds that have one."""
    return "; ".join(dict.fromkeys(f"seed {row['seed']}: {row['reason']}" for row in rows if row["reason"]))


def _spread(values: Sequence[float | None], form: str) -> str:
    """Return mean and standard deviation of the values that are known, and how many are not."""
    known = [value for value in values if value is not None]
    missing = f" ({len(values) - len(known)} unknown)" if len(known) < len(values) else ""
    if not known:
        return "unknown" if values else ""
    deviation = f" ± {stdev(known):.1g}" if len(known) > 1 else ""
    return f"{mean(known):{form}}{deviation}{missing}"
