"""The findings on BLORC's claims A2, A3 and A4."""

from ..counted import HOLDS, NOT_MEASURED, Counted
from ..finding import ClaimFinding, Verdict, counts_of
from .patches import STEPS
from .signals import BATCH, LENGTH, NOISE
from .training import AS_PUBLISHED, TENFOLD
from .training_rows import TrainingRows
from .verdict import LIKE, count_errors, count_likeness, count_speed

HOW = (
    "Holds if it does at the authors' rate on every seed; in direction if only at the tenfold rate, or only "
    "on some of the seeds and signals; else it does not hold."
)
SETTING = f"batch {BATCH}, noise {NOISE:g}, rate {AS_PUBLISHED.rate:g}, three seeds, float64"
SIGNALS = f"n = k = {LENGTH}, 10,000 training signals, {AS_PUBLISHED.steps} steps, {SETTING}"
PATCHES = f"8 x 8 patches of one image, {STEPS} steps, {SETTING}"


def training_findings(recorded: TrainingRows) -> list[ClaimFinding]:
    """Apply the rules to operators, images and signals."""
    published, other = (count_errors(recorded, descent) for descent in (AS_PUBLISHED, TENFOLD))
    like = [count_likeness(recorded, descent) for descent in (AS_PUBLISHED, TENFOLD)]
    rule = f"W is the operator if the mean best cosine of its rows is at least {LIKE:g}. {HOW}"
    error = f"The error must be below that of every baseline tuned on training data. {HOW}"
    speed = count_speed(recorded)
    return [
        _finding("A2", rule, SIGNALS, like[0], like[1], speed),
        _finding("A3", error, PATCHES, published[1], other[1], []),
        _finding("A4", error, SIGNALS, published[0], other[0], []),
    ]


def _finding(
    claim: str, rule: str, setting: str, published: Counted, other: Counted, beside: list[Counted]
) -> ClaimFinding:
    """Return a finding from the counts at both rates; `beside` is told and not judged."""
    if NOT_MEASURED in (published.outcome, other.outcome):
        return ClaimFinding(claim, rule, setting)
    told = counts_of([published, other, *(one for one in beside if one.of)])
    if published.outcome == HOLDS:
        verdict = Verdict.HOLDS
    else:
        verdict = Verdict.IN_DIRECTION if published.met or other.met else Verdict.DOES_NOT_HOLD
    return ClaimFinding(claim, rule, setting, told, verdict, "")
