"""By which rule the training experiments are judged, and what the rows say."""

from collections.abc import Collection, Sequence
from statistics import mean, stdev

from ...records.status import Status
from ..counted import Counted
from .rows import ImageRow, SignalRow, SpeedRow
from .speed import AUTHORS, EXACT, OURS, has_gradient
from .training import AS_PUBLISHED, TENFOLD, Descent
from .training_rows import TrainingRows
from .whole_image import GAP

LIKE, FASTER, STEPS, SECONDS = 0.9, 100.0, 100_000, 120.0
LEARNED, NOISY = "learned", "noisy"
RULE = (
    f"Speed: a step of the authors' algorithm takes at least {FASTER:g} times as long as one of ours, by the "
    "median of the ratios formed round by round, at the first W and at trained ones; a stage counts if all "
    f"timed steps of ours were taken, and their gradient's relative error is at most {EXACT:.0e}; and "
    f"{STEPS} steps take less than {SECONDS:g} s, on average over a training of as many or more, if all were "
    "taken. Operators: "
    "the mean over the learned rows (those of at least 1% of the largest norm) of the best absolute cosine "
    f"with a row of the expected operator is at least {LIKE:g}. Error: the mean squared error of the learned "
    "W on test signals, or on the whole image, is below that of every baseline, whose weights are chosen on "
    "training data. Operators and errors are judged at each rate by itself, on every seed; the authors' is "
    f"{AS_PUBLISHED.rate:g}, with 1e5 to 1e6 steps. Rows whose status is not ok are left out: a "
    "step was not taken, an error or a weight's choice rests on a solution that is not certified, a solve of "
    "total variation missed its tolerance, or a patch has a duality gap above "
    f"{GAP:.0e} ||y||^2."
)


def count_targets(recorded: TrainingRows) -> list[Counted]:
    """Apply the rule."""
    judged = [*count_speed(recorded)]
    for descent in (AS_PUBLISHED, TENFOLD):
        judged += [count_likeness(recorded, descent), *count_errors(recorded, descent)]
    return judged


def count_speed(recorded: TrainingRows) -> list[Counted]:
    """Judge the ratio to the authors' algorithm at every stage, and the seconds of long trainings."""
    sound = {row["stage"] for row in recorded.speed if _is_sound(row)}
    ratios = [
        row["ratio"] for row in recorded.speed
        if _is_of_authors(row) and row["stage"] in sound and row["ratio"] is not None
    ]  # fmt: skip
    long = [
        row for row in [*recorded.signals, *recorded.images] if row["steps"] >= STEPS and not row["refused"]
    ]
    seconds = [row["seconds"] * STEPS / row["steps"] for row in long]
    return [
        Counted(
            f"at least {FASTER:g} times the authors' steps per second",
            sum(one >= FASTER for one in ratios),
            len(ratios),
            f"at least {min(ratios):.0f} times" if ratios else "",
            _stages_left_out(recorded.speed, sound),
        ),
        Counted(
            f"{STEPS} steps in less than {SECONDS:g} s",
            sum(one < SECONDS for one in seconds),
            len(seconds),
            f"{min(seconds):.0f} to {max(seconds):.0f} s" if seconds else "",
        ),
    ]


def count_likeness(recorded: TrainingRows, descent: Descent) -> Counted:
    """Judge how much the learned operators look like the expected ones."""
    likeness = [
        (row["signals"], row["likeness_of_rows"]) for row in recorded.signals if _is_judged(row, descent)
    ]
    return Counted(
        f"W becomes the expected operator ({descent.label})",
        sum(value >= LIKE for _, value in likeness),
        len(likeness),
        _spread(likeness),
        _left_out(recorded.signals, descent),
    )


def count_errors(recorded: TrainingRows, descent: Descent) -> list[Counted]:
    """Judge the errors on signals and on images."""
    on_signals = [(row["signals"], _gain(row)) for row in recorded.signals if _is_judged(row, descent)]
    on_images = [(row["denoised"], _gain(row)) for row in recorded.images if _is_judged(row, descent)]
    return [
        Counted(
            f"smaller error on {what} than all baselines ({descent.label})",
            sum(value > 0 for _, value in gains),
            len(gains),
            f"below the best by {_spread(gains)}" if gains else "",
            _left_out(rows, descent),
        )
        for what, gains, rows in (
            ("test signals", on_signals, recorded.signals),
            ("the whole image", on_images, recorded.images),
        )
    ]


def _gain(row: SignalRow | ImageRow) -> float:
    """Return by what share the learned W's error is below the best baseline's; negative if it is above."""
    errors = row["mean_squared_error"]
    best = min(error for name, error in errors.items() if name not in (LEARNED, NOISY))
    return 1 - errors[LEARNED] / best


def _is_judged(row: SignalRow | ImageRow, descent: Descent) -> bool:
    return row["rate"] == descent.rate and row["status"] == Status.OK.value


def _left_out(rows: Sequence[SignalRow | ImageRow], descent: Descent) -> str:
    """Say how many trainings at a rate are not judged, and why; nothing where all are."""
    here = [row for row in rows if row["rate"] == descent.rate and row["status"] != Status.OK.value]
    reasons = "; ".join(dict.fromkeys(row["reason"] or row["status"] for row in here))
    return f"{len(here)} of them: {reasons}" if here else ""


def _is_of_authors(row: SpeedRow) -> bool:
    return row["contestant"] == AUTHORS and row["status"] == Status.OK.value


def _is_sound(row: SpeedRow) -> bool:
    """Tell whether a row is ours, and its steps are what they claim to be."""
    is_ok = row["status"] == Status.OK.value
    return row["contestant"] == OURS and is_ok and has_gradient(row["gradient_error"])


def _stages_left_out(rows: Sequence[SpeedRow], sound: Collection[str]) -> str:
    reasons = [row["reason"] for row in rows if row["reason"]]
    reasons += [
        f"{row['stage']}: nothing sound of ours"
        for row in rows
        if _is_of_authors(row) and row["stage"] not in sound
    ]
    return "; ".join(dict.fromkeys(reasons))


def _spread(named: Sequence[tuple[str, float]]) -> str:
    """Return mean and standard deviation over the seeds, for each kind of signals or image."""
    parts = []
    for name in dict.fromkeys(name for name, _ in named):
        values = [value for other, value in named if other == name]
        deviation = f" ± {stdev(values):.2g}" if len(values) > 1 else ""
        parts.append(f"{name} {mean(values):.3g}{deviation}")
    return ", ".join(parts)
