"""The finding on claim C2."""

from ..counted import NOT_MEASURED
from ..finding import ClaimFinding, counts_of, finding_of
from .recorded_rows import UntiedRows
from .settings import MOST_STEPS, TOLERANCE
from .verdict import RULE, count_fits, who_generalises

SETTING = (
    "images of 28 x 28 (matrices A and C of 784 x 784, max(t, 0), Anderson with five moves, tolerance "
    f"{TOLERANCE:g}, at most {MOST_STEPS} iterations) and of 64 x 64 (two filters of 11 x 11, tanh(100 t)), "
    "three seeds, fewer epochs and images than the authors', float32"
)


def untied_findings(recorded: UntiedRows) -> list[ClaimFinding]:
    """Apply the rule; who generalises is told beside it."""
    targets = count_fits(recorded.trained)
    sources = ", ".join(dict.fromkeys(row["source"] for row in recorded.trained))
    setting = f"{sources}: {SETTING}" if sources else SETTING
    if all(one.outcome == NOT_MEASURED for one in targets):
        reason = "no pair of trainings could be judged" if recorded.trained else "not measured yet"
        return [ClaimFinding("C2", RULE, setting, reason=reason)]
    found = finding_of("C2", RULE, setting, targets)
    told = f"{counts_of(targets)}. {who_generalises(recorded.trained)}"
    return [ClaimFinding("C2", RULE, setting, told, found.verdict, "")]
