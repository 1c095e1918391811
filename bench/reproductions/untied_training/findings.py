"""The finding on claim C2."""

from dataclasses import replace

from ..finding import ClaimFinding, Verdict, counts_of, finding_of
from .grid import missing_trainings
from .recorded_rows import UntiedRows
from .settings import MOST_STEPS, TOLERANCE
from .verdict import RULE, count_fits, who_generalises

SETTING = (
    "images of 28 x 28 (matrices A and C of 784 x 784, max(t, 0), Anderson with five moves, tolerance "
    f"{TOLERANCE:g}, at most {MOST_STEPS} iterations) and of 64 x 64 (two filters of 11 x 11, tanh(100 t)), "
    "three seeds, fewer epochs and images than the authors', float32"
)


def untied_findings(recorded: UntiedRows) -> list[ClaimFinding]:
    """Apply the rule when all trainings are there; who generalises is told beside it."""
    sources = ", ".join(dict.fromkeys(row["source"] for row in recorded.trained))
    setting = f"{sources}: {SETTING}" if sources else SETTING
    missing = missing_trainings(recorded.trained)
    if missing:
        return [ClaimFinding("C2", RULE, setting, reason=missing)]
    exact, *apart = count_fits(recorded.trained)
    found = finding_of("C2", RULE, setting, [exact, *apart] if exact.of else apart or [exact])
    generalising = who_generalises(recorded.trained)
    told = ". ".join(filter(None, [counts_of([exact, *apart]), generalising]))
    found = replace(found, measured=told)
    return [found if exact.of else _without_exact(found)]


def _without_exact(found: ClaimFinding) -> ClaimFinding:
    """Hold in direction at most, as iterations of every training stopped at their limit."""
    if found.verdict is not Verdict.HOLDS:
        return found
    return replace(
        found, verdict=Verdict.IN_DIRECTION, reason="iterations of all trainings stopped at their limit"
    )
