"""The findings on BLORC's claims A2, A3 and A4."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from ...records.status import Status
from ..counted import HOLDS, Counted
from ..finding import ClaimFinding, Verdict, counts_of
from .patches import STEPS
from .rows import ImageRow, SignalRow
from .signals import BATCH, KINDS, LENGTH, NOISE, SEEDS
from .training import AS_PUBLISHED, TENFOLD
from .training_rows import TrainingRows
from .verdict import LIKE, count_errors, count_likeness, count_speed

RATES = (AS_PUBLISHED.rate, TENFOLD.rate)
HOW = (
    "Tested only if every training, of each kind, seed and rate, is there with the status ok. Holds if "
    "it does at the authors' rate on every seed; in direction if only at the tenfold rate, or only on some "
    "of the seeds and signals; else it does not hold."
)
SETTING = f"batch {BATCH}, noise {NOISE:g}, rate {AS_PUBLISHED.rate:g}, {len(SEEDS)} seeds, float64"
SIGNALS = f"n = k = {LENGTH}, 10,000 training signals, {AS_PUBLISHED.steps} steps, {SETTING}"
PATCHES = f"8 x 8 patches of one image, {STEPS} steps, {SETTING}"


def training_findings(recorded: TrainingRows) -> list[ClaimFinding]:
    """Apply the rules to operators, images and signals."""
    descents = AS_PUBLISHED, TENFOLD
    like = [count_likeness(recorded, descent) for descent in descents]
    on_signals, on_images = zip(*(count_errors(recorded, descent) for descent in descents), strict=True)
    no_signals = _lacking([kind.name for kind in KINDS], recorded.signals)
    no_images = _lacking(["image"], recorded.images)
    rule = f"W is the operator if the mean best cosine of its rows is at least {LIKE:g}. {HOW}"
    error = f"The error must be below that of every baseline tuned on training data. {HOW}"
    return [
        _finding(ClaimFinding("A2", rule, SIGNALS), like, no_signals, count_speed(recorded)),
        _finding(ClaimFinding("A3", error, PATCHES), on_images, no_images),
        _finding(ClaimFinding("A4", error, SIGNALS), on_signals, no_signals),
    ]


def _lacking(what: Sequence[str], rows: Sequence[SignalRow | ImageRow]) -> str:
    """Say how many of the trainings that a claim rests on are missing or not ok; nothing where none is."""
    expected = set(product(what, SEEDS, RATES))
    lacking = expected - {
        (row["signals"] if row["what"] == "signals" else row["what"], row["seed"], row["rate"])
        for row in rows
        if row["status"] == Status.OK.value
    }
    return f"{len(lacking)} of {len(expected)} trainings are missing or not ok" if lacking else ""


def _finding(
    unsettled: ClaimFinding, rates: Sequence[Counted], lacking: str, beside: Sequence[Counted] = ()
) -> ClaimFinding:
    """Settle a claim by the counts at the authors' rate and the tenfold; `beside` is told and not judged."""
    published, other = rates
    if not (published.of or other.of):
        return unsettled
    told = counts_of([one for one in (published, other, *beside) if one.of])
    if lacking:
        return replace(unsettled, measured=told, reason=lacking)
    if published.outcome == HOLDS:
        verdict = Verdict.HOLDS
    else:
        verdict = Verdict.IN_DIRECTION if published.met or other.met else Verdict.DOES_NOT_HOLD
    return replace(unsettled, measured=told, verdict=verdict, reason="")
