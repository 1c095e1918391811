"""By which rule training by restarts is judged, and what the rows say."""

import itertools
from collections.abc import Callable, Sequence
from statistics import mean
from typing import NamedTuple

from ...records.status import Status
from ..counted import NOT_MEASURED, Counted
from ..finding import ClaimFinding, Verdict, counts_of, finding_of
from ..rows import RecordedRow, read_rows, told_apart
from .contestants import BLOCKS, EXACT, LAYERS, METHODS, ONE_STEP, RESTARTS
from .problem import MODELS, SEEDS, TASKS
from .rows import TRAINING, WORK, TrainedByRow, WorkRow

_NAMES = [model.name for model in MODELS]
EQUAL_MARGIN, MARGIN, RISE, TAKEN = 0.05, 0.1, 0.1, 0.9
D1_RULE = (
    "With the same work the relative error of the gradient by restarts is below that of the one-step "
    "gradient, for every task, seed and amount of work; one that is not finite is not, and where the "
    "one-step gradient is not, or the exact one was not found, nothing is compared. And in equal time "
    "training by restarts reaches, on every model and task, the PSNR of the one-step and of the exact "
    f"gradient less {EQUAL_MARGIN:g} dB, in the mean over the seeds; where that is so but neither of the "
    f"two is {RISE:g} dB above the start by then, nothing was trained, and model and task are left out. The "
    "part holds if all three do, in direction if some do."
)
D2_RULE = (
    "Restarts train a model on a task if the PSNR rises by at least "
    f"{RISE:g} dB on every seed, and with equal steps is at least that of exact gradients less {MARGIN:g} dB "
    "in the mean over the seeds. Holds if they train every model on every task, in direction if on half of "
    "those that could be compared, or more."
)
RULE = (
    f"D1, the part by training: {D1_RULE} D2: {D2_RULE} PSNR is that of held-out crops at fixed points; a "
    "training by restarts that diverges, or starts or ends where a held-out crop has no fixed point that is "
    "found, has not trained. One of the others is compared with only if it did not diverge, all its held-out "
    f"fixed points were found and at least {TAKEN:.0%} of its steps were taken; where that is so on no seed "
    "the model and task are left out, and counted so."
)
D1_SETTING = (
    f"L = {LAYERS} layers on tape, R = {BLOCKS - 1} restarts, against L = 1 and the implicit gradient; "
    "gradients of the wavelet norm's weights with equal work, trainings in equal time"
)
D2_SETTING = (
    "weighted wavelet norm, plug-and-play step and level, and a small DRUNet inside forward-backward, each "
    f"denoising, inpainting 50% and deconvolving a line blur, three seeds; L = {LAYERS}, R = {BLOCKS - 1}"
)


class RecordedTrainings(NamedTuple):
    """The rows of gradients at equal work, and of trainings."""

    work: list[WorkRow]
    training: list[TrainedByRow]

    def cells(self, model: str | None = None) -> list[tuple[str, str]]:
        """Return the models and tasks that were trained, in their order."""
        found = dict.fromkeys((row["model"], row["task"]) for row in self.training)
        return [one for one in found if model in (None, one[0])]

    def of(self, cell: tuple[str, str], method: str) -> dict[int, TrainedByRow]:
        """Return the trainings of a model on a task by one method, by seed."""
        return {
            row["seed"]: row
            for row in self.training
            if (row["model"], row["task"], row["method"]) == (*cell, method)
        }


def read_recorded(rows: Sequence[RecordedRow]) -> RecordedTrainings:
    """Tell the rows apart by what they say they are.

    Raises:
        UserError: for a row of no known kind, or one that lacks a field or holds another type there.
    """
    work, training = told_apart(rows, WORK, TRAINING)
    return RecordedTrainings(read_rows(work, WorkRow), read_rows(training, TrainedByRow))


def count_nearness(recorded: RecordedTrainings) -> list[Counted]:
    """Apply the rule of D1."""
    return [
        _count_work(recorded.work),
        _count_equal_time(recorded, ONE_STEP),
        _count_equal_time(recorded, EXACT),
    ]


def count_trained(recorded: RecordedTrainings) -> list[Counted]:
    """Apply the rule of D2, model by model."""
    models = dict.fromkeys(row["model"] for row in recorded.training)
    return [_count_model(recorded, model) for model in models]


def training_findings(recorded: RecordedTrainings) -> list[ClaimFinding]:
    """Return the findings on the part of D1 by training, and on D2; none before all trainings are there."""
    wanted = [(*names, method) for names in itertools.product(_NAMES, TASKS, SEEDS) for method in METHODS]
    found = {(row["model"], row["task"], row["seed"], row["method"]) for row in recorded.training}
    missing = sum(one not in found for one in wanted)
    if missing:
        reason = f"{missing} of {len(wanted)} trainings are not measured yet"
        return [
            ClaimFinding("D1", D1_RULE, D1_SETTING, reason=reason),
            ClaimFinding("D2", D2_RULE, D2_SETTING, reason=reason),
        ]
    return [_nearness_finding(recorded), _trained_finding(count_trained(recorded))]


def _nearness_finding(recorded: RecordedTrainings) -> ClaimFinding:
    wanted = set(itertools.product(TASKS, SEEDS))
    missing = wanted - {(row["task"], row["seed"]) for row in recorded.work}
    if missing:
        reason = f"gradients with equal work are not measured yet of {len(missing)} of {len(wanted)} batches"
        return ClaimFinding("D1", D1_RULE, D1_SETTING, reason=reason)
    targets = count_nearness(recorded)
    nothing = [f"{one.claim}: {one.left_out}" for one in targets if one.outcome == NOT_MEASURED]
    if nothing:
        reason = f"nothing to judge by: {'; '.join(nothing)}"
        return ClaimFinding("D1", D1_RULE, D1_SETTING, counts_of(targets), reason=reason)
    return finding_of("D1", D1_RULE, D1_SETTING, targets)


def _trained_finding(targets: Sequence[Counted]) -> ClaimFinding:
    if any(one.outcome == NOT_MEASURED for one in targets):
        reason = "a model has no exact training to compare with"
        return ClaimFinding("D2", D2_RULE, D2_SETTING, counts_of(targets), reason=reason)
    met, judged = sum(one.met for one in targets), sum(one.of for one in targets)
    direction = Verdict.IN_DIRECTION if 2 * met >= judged else Verdict.DOES_NOT_HOLD
    left_out = "; ".join(f"{one.claim}: {one.left_out}" for one in targets if one.left_out)
    verdict = Verdict.HOLDS if met == judged and not left_out else direction
    return ClaimFinding("D2", D2_RULE, D2_SETTING, counts_of(targets), verdict, left_out)


def _count_work(rows: Sequence[WorkRow]) -> Counted:
    missed = Status.ADJOINT_MISSED.value
    one_step = {_place(row): row["gradient_error"] for row in rows if row["method"] == ONE_STEP}
    restarts = [row for row in rows if row["method"] == RESTARTS]
    judged, left_out = [], 0
    for row in restarts:
        far = one_step.get(_place(row))
        if far is None or row["status"] == missed:
            left_out += 1
        else:
            judged.append((_error(row), far))
    most = max((row["work"] for row in rows), default=0)
    ends = [_error(row) for row in restarts if row["work"] == most and row["status"] != missed]
    return Counted(
        "with the same work the error of the gradient is below that of one step",
        sum(near < far for near, far in judged),
        len(judged),
        f"with a work of {most} it is at most {max(ends):.1e}" if ends else "",
        f"{left_out} without a gradient to compare with" if left_out else "",
    )


def _place(row: WorkRow) -> tuple[str, int, int]:
    return row["task"], row["seed"], row["work"]


def _error(row: WorkRow) -> float:
    """Return the error, infinite where it is none."""
    return float("inf") if row["gradient_error"] is None else row["gradient_error"]


def _count_equal_time(recorded: RecordedTrainings, other: str) -> Counted:
    gains, idle, left_out = [], 0, 0
    for cell in recorded.cells():
        gain = _mean_gain(recorded, cell, other, equal_psnr)
        if gain is None:
            left_out += 1
        elif gain >= -EQUAL_MARGIN and not _either_rose(recorded, cell, other):
            idle += 1
        else:
            gains.append(gain)
    missing = {"without a training to compare with": left_out, "where neither was trained": idle}
    return Counted(
        f"in equal time the PSNR is at least that of {_gradient_name(other)} less {EQUAL_MARGIN:g} dB",
        sum(gain >= -EQUAL_MARGIN for gain in gains),
        len(gains),
        _range(gains),
        ", ".join(f"{count} {what}" for what, count in missing.items() if count),
    )


def _either_rose(recorded: RecordedTrainings, cell: tuple[str, str], other: str) -> bool:
    """Tell whether restarts, or a sound training by the other, are above the start in equal time."""
    rises = (
        mean(_rise(row, equal_psnr) for row in recorded.of(cell, name).values() if counts(row))
        for name in (RESTARTS, other)
    )
    return any(rise >= RISE for rise in rises)


def _count_model(recorded: RecordedTrainings, model: str) -> Counted:
    met, gains, left_out = 0, [], 0
    for cell in recorded.cells(model):
        gain = _mean_gain(recorded, cell, EXACT, end_psnr)
        if gain is None:
            left_out += 1
            continue
        gains.append(gain)
        rises = [_rise(row, end_psnr) for row in recorded.of(cell, RESTARTS).values()]
        met += all(rise >= RISE for rise in rises) and gain >= -MARGIN
    return Counted(
        f"restarts train the {model}",
        met,
        len(gains),
        f"PSNR less that of exact gradients: {_range(gains)}" if gains else "",
        f"{left_out} without an exact training to compare with" if left_out else "",
    )


def _mean_gain(
    recorded: RecordedTrainings,
    cell: tuple[str, str],
    other: str,
    psnr: Callable[[TrainedByRow], float | None],
) -> float | None:
    """Return by how many dB restarts are above another method; None where that one is on no seed sound."""
    others = recorded.of(cell, other)
    gains = []
    for seed, row in recorded.of(cell, RESTARTS).items():
        compared = psnr(others[seed]) if seed in others and counts(others[seed]) else None
        if compared is not None:
            reached = psnr(row) if counts(row) else None
            gains.append(float("-inf") if reached is None else reached - compared)
    return mean(gains) if gains else None


def counts(row: TrainedByRow) -> bool:
    """Tell whether a training counts: one by restarts that is ok, one by another that took most steps."""
    if row["method"] == RESTARTS:
        return row["status"] == Status.OK.value
    return row["status"] != Status.DIVERGED.value and row["steps"] - row["refused"] >= TAKEN * row["steps"]


def start_psnr(row: TrainedByRow) -> float | None:
    """Return the PSNR where training starts; None where a fixed point was not found."""
    return None if row["start_unsolved"] else row["start_psnr"]


def end_psnr(row: TrainedByRow) -> float | None:
    """Return the PSNR where training ends; None where a fixed point was not found."""
    return None if row["unsolved"] else row["psnr"]


def equal_psnr(row: TrainedByRow) -> float | None:
    """Return the PSNR in equal time; None where a fixed point was not found."""
    return None if row["equal_unsolved"] else row["equal_psnr"]


def _rise(row: TrainedByRow, psnr: Callable[[TrainedByRow], float | None]) -> float:
    reached, start = psnr(row), start_psnr(row)
    if not counts(row) or reached is None or start is None:
        return float("-inf")
    return reached - start


def _range(gains: Sequence[float]) -> str:
    return f"{min(gains):+.2f} to {max(gains):+.2f} dB" if gains else ""


def _gradient_name(method: str) -> str:
    return "the one-step gradient" if method == ONE_STEP else "exact gradients"
