"""By which rule ELDER's claims are judged, and what the rows say."""

import itertools
from collections.abc import Callable, Sequence
from statistics import mean, stdev
from typing import NamedTuple

from ...records.status import Status
from ..counted import Counted
from ..finding import ClaimFinding, Verdict, counts_of
from .models import EXPLICIT, IMPLICIT
from .problem import SEEDS, TASKS
from .rows import EquilibriumRow

FAR, NOTHING = 1.0, 0.1
"""In dB: what counts as far better, and what counts as nothing lost."""
PLACES = tuple((task.name, name) for task in TASKS for name in EXPLICIT)
"""Every task with every regulariser that has an energy."""
LEFT_OUT = (
    "A regulariser on a task is judged where it is ok on every seed, by the mean over the seeds of the PSNR "
    "of test crops; where one is left out the claim cannot hold whole, and where most are it is not tested. "
    "A seed is ok if no solve of a test crop diverged or left the numbers and more than half of the steps of "
    "training were taken: up to just under half may not have been."
)
GAIN_RULE = (
    f"Holds if every regulariser with an energy gains at least {FAR:g} dB on every task over the same one "
    f"pre-trained as a denoiser, its weight the best on training pairs; in direction if every gain is above "
    f"zero; else it does not hold. {LEFT_OUT} Where better weights may lie beyond those tried the best is "
    "not known, and the seed is left out as if it were not ok."
)
LOSS_RULE = (
    f"Holds if every regulariser with an energy, trained, is at most {NOTHING:g} dB below the one without, "
    f"trained as long, on every task; in direction if one of them is on every task; else it does not hold. "
    f"{LEFT_OUT}"
)


class Difference(NamedTuple):
    """What a regulariser with an energy is ahead by on a task, in dB: the seeds' mean and deviation."""

    task: str
    regularizer: str
    mean: float
    deviation: float

    @property
    def sentence(self) -> str:
        """Say it: "red on inpainting +1.20 ± 0.10 dB"."""
        return f"{self.regularizer} on {self.task} {self.mean:+.2f} ± {self.deviation:.2f} dB"


def gains(rows: Sequence[EquilibriumRow]) -> list[Difference]:
    """Return what training as an equilibrium model gains over pre-training, wherever it can be judged."""

    def gain(row: EquilibriumRow) -> float | None:
        return None if row["at_the_edge"] else _minus(row["trained_psnr"], row["pretrained_psnr"])

    return _differences(rows, gain)


def leads(rows: Sequence[EquilibriumRow]) -> list[Difference]:
    """Return what a trained regulariser with an energy is ahead of the one without, by the same seeds."""
    implicit = {
        (row["task"], row["seed"]): row["trained_psnr"]
        for row in rows
        if row["regularizer"] == IMPLICIT.name and row["status"] == Status.OK.value
    }
    return _differences(
        rows, lambda row: _minus(row["trained_psnr"], implicit.get((row["task"], row["seed"])))
    )


def count_targets(rows: Sequence[EquilibriumRow]) -> list[Counted]:
    """Apply the rule of both claims."""
    return [*_counts_of_gains(gains(rows)), _count_of_leads(leads(rows))]


def findings_of(rows: Sequence[EquilibriumRow], setting: str) -> list[ClaimFinding]:
    """Return the findings on claims B1 and B2."""
    gained, ahead = gains(rows), leads(rows)
    far, above = _counts_of_gains(gained)
    lost = _count_of_leads(ahead)
    return [
        _unmeasured("B1", GAIN_RULE, setting, rows, EXPLICIT)
        or _finding("B1", GAIN_RULE, setting, gained, [far, above], above.met == above.of),
        _unmeasured("B2", LOSS_RULE, setting, rows, (*EXPLICIT, IMPLICIT.name))
        or _finding("B2", LOSS_RULE, setting, ahead, [lost], _one_is_everywhere(ahead)),
    ]


def _unmeasured(
    claim: str, rule: str, setting: str, rows: Sequence[EquilibriumRow], names: Sequence[str]
) -> ClaimFinding | None:
    """Return that a claim is not tested while trainings that it needs are missing, else None."""
    wanted = set(itertools.product((task.name for task in TASKS), names, SEEDS))
    missing = wanted - {(row["task"], row["regularizer"], row["seed"]) for row in rows}
    if not missing:
        return None
    some = f"{len(missing)} of {len(wanted)} trainings are not measured yet"
    return ClaimFinding(
        claim, rule, setting, reason=some if len(missing) < len(wanted) else "not measured yet"
    )


def _finding(
    claim: str, rule: str, setting: str, found: Sequence[Difference], counts: Sequence[Counted], points: bool
) -> ClaimFinding:
    """Return a verdict: whole by the first count, in direction where the differences point there."""
    missing = len(PLACES) - len(found)
    if 2 * len(found) <= len(PLACES):
        reason = f"{missing} of {len(PLACES)} regularisers on tasks are left out, see the rule"
        return ClaimFinding(claim, rule, setting, counts_of(counts), reason=reason)
    whole = counts[0].met == counts[0].of
    verdict = Verdict.HOLDS if whole and not missing else Verdict.DOES_NOT_HOLD
    if verdict is not Verdict.HOLDS and points:
        verdict = Verdict.IN_DIRECTION
    left = f"{missing} of {len(PLACES)} regularisers on tasks are left out" if missing else ""
    told = "; ".join([counts_of(counts), *(one.sentence for one in found)])
    return ClaimFinding(claim, rule, setting, told, verdict, left)


def _counts_of_gains(found: Sequence[Difference]) -> tuple[Counted, Counted]:
    least = f"least {min(one.mean for one in found):+.2f} dB" if found else ""
    return (
        Counted(
            f"trained as an equilibrium model at least {FAR:g} dB above pre-trained",
            sum(one.mean >= FAR for one in found),
            len(found),
            least,
            _left_out(found, " with a known best weight"),
        ),
        Counted(
            "trained as an equilibrium model above pre-trained",
            sum(one.mean > 0 for one in found),
            len(found),
            "",
            _left_out(found, " with a known best weight"),
        ),
    )


def _count_of_leads(found: Sequence[Difference]) -> Counted:
    return Counted(
        f"with an energy at most {NOTHING:g} dB below the one without",
        sum(one.mean >= -NOTHING for one in found),
        len(found),
        f"least {min(one.mean for one in found):+.2f} dB" if found else "",
        _left_out(found),
    )


def _one_is_everywhere(found: Sequence[Difference]) -> bool:
    """Tell whether one regulariser loses nothing on every task."""
    kept = {(one.task, one.regularizer) for one in found if one.mean >= -NOTHING}
    return any(all((task.name, name) in kept for task in TASKS) for name in EXPLICIT)


def _differences(
    rows: Sequence[EquilibriumRow], difference: Callable[[EquilibriumRow], float | None]
) -> list[Difference]:
    found = []
    for task, name in PLACES:
        here = [row for row in rows if row["task"] == task and row["regularizer"] == name]
        ok = [
            one for row in here if row["status"] == Status.OK.value and (one := difference(row)) is not None
        ]
        if len(ok) == len(here) and len(ok) >= len(SEEDS):
            found.append(Difference(task, name, mean(ok), stdev(ok)))
    return found


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _left_out(found: Sequence[Difference], condition: str = "") -> str:
    missing = len(PLACES) - len(found)
    return f"{missing} not ok{condition} on all {len(SEEDS)} seeds" if missing else ""
