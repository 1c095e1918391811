"""The verdict on memory and adjoint of hypergradients of growing images, from rows alone."""

from collections.abc import Sequence

from jaxtyping import Array

from ..counted import Counted
from ..growing_images import TASKS
from .problem import ADJOINT_STEPS, ADJOINT_TOLERANCE, BUDGET, LONGER
from .rows import ClosedFormNotRunRow, ClosedFormRow, ScaleRow, is_closed_form, was_run

CONSTANT = 0.05

RULE = (
    "Of the closed form without a factorisation. Memory is linear: at every size the compiled program's "
    f"static memory per pixel lies within {CONSTANT:.0%} of that of the largest size measured, task by "
    f"task. It is free of the iterations: compiled for at most {BUDGET.max_steps} and {LONGER.max_steps} "
    "solver steps the program needs the same bytes. The solver reaches its tolerance of "
    f"{BUDGET.tolerance:g}, and the adjoint iteration a relative residual of {ADJOINT_TOLERANCE:g} within "
    f"{ADJOINT_STEPS} steps, at every size."
)


def count_targets(rows: Sequence[ScaleRow]) -> list[Counted]:
    """Apply the rule."""
    ours = [row for row in rows if is_closed_form(row)]
    ran = [row for row in ours if was_run(row)]
    residuals = [row["residual"] for row in ran]
    adjoint = [one for row in ran if (one := row["adjoint_residual"]) is not None]
    return [
        *(_linear(task, [row for row in ours if row["task"] == task]) for task in TASKS),
        Counted(
            "the same memory for ten times the iterations",
            sum(row["memory_bytes"] == row["longer_memory_bytes"] for row in ours),
            len(ours),
        ),
        _within(f"solver at a residual of {BUDGET.tolerance:g}", residuals, BUDGET.tolerance),
        _within(f"adjoint at a residual of {ADJOINT_TOLERANCE:g}", adjoint, ADJOINT_TOLERANCE),
    ]


def _within(claim: str, residuals: Sequence[float], tolerance: float | Array) -> Counted:
    worst = f"worst {max(residuals):.1e}" if residuals else ""
    return Counted(claim, sum(bool(one <= tolerance) for one in residuals), len(residuals), worst)


def _linear(task: str, rows: Sequence[ClosedFormNotRunRow | ClosedFormRow]) -> Counted:
    """Compare every other size with the largest; one size alone says nothing."""
    weighed = [(row["pixels"], memory) for row in rows if (memory := row["memory_bytes"]) is not None]
    per_pixel = [memory / pixels for pixels, memory in sorted(weighed)]
    changes = [abs(one / per_pixel[-1] - 1) for one in per_pixel[:-1]]
    met = sum(change <= CONSTANT for change in changes)
    claim = f"memory per pixel constant, {task}"
    return Counted(claim, met, len(changes), f"worst {max(changes):.1%} off" if changes else "")
