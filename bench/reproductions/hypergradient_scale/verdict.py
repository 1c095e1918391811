"""The verdict on memory and adjoint of hypergradients of growing images, from rows alone."""

from collections.abc import Sequence
from typing import Any

from ..counted import Counted
from ..reproduction import Row
from .problem import ADJOINT_STEPS, ADJOINT_TOLERANCE, BUDGET, CLOSED_FORM, LONGER, TASKS

CONSTANT = 0.05

RULE = (
    "Of the closed form without a factorisation. Memory is linear: at every size the compiled program's "
    f"static memory per pixel lies within {CONSTANT:.0%} of that of the largest size measured, task by "
    f"task. It is free of the iterations: compiled for at most {BUDGET.max_steps} and {LONGER.max_steps} "
    "solver steps the program needs the same bytes. The solver reaches its tolerance of "
    f"{BUDGET.tolerance:g}, and the adjoint iteration a relative residual of {ADJOINT_TOLERANCE:g} within "
    f"{ADJOINT_STEPS} steps, at every size."
)


def judge(rows: Sequence[Row]) -> list[Counted]:
    """Apply the rule."""
    ours: list[Any] = [row for row in rows if row["method"] == CLOSED_FORM]
    ran = [row for row in ours if row.get("residual") is not None]
    residuals = [row["adjoint_residual"] for row in ran]
    return [
        *(_linear(task, [row for row in ours if row["task"] == task]) for task in TASKS),
        Counted(
            "the same memory for ten times the iterations",
            sum(row["memory_bytes"] == row["longer_memory_bytes"] for row in ours),
            len(ours),
        ),
        Counted(
            f"solver at a residual of {BUDGET.tolerance:g}",
            sum(row["residual"] <= BUDGET.tolerance for row in ran),
            len(ran),
            f"worst {max(row['residual'] for row in ran):.1e}" if ran else "",
        ),
        Counted(
            f"adjoint at a residual of {ADJOINT_TOLERANCE:g}",
            sum(one <= ADJOINT_TOLERANCE for one in residuals),
            len(ran),
            f"worst {max(residuals):.1e}" if ran else "",
        ),
    ]


def _linear(task: str, rows: Sequence[Any]) -> Counted:
    """Compare every other size with the largest; one size alone says nothing."""
    rows = sorted(rows, key=lambda row: row["pixels"])
    per_pixel = [row["memory_bytes"] / row["pixels"] for row in rows]
    changes = [abs(one / per_pixel[-1] - 1) for one in per_pixel[:-1]]
    met = sum(change <= CONSTANT for change in changes)
    claim = f"memory per pixel constant, {task}"
    return Counted(claim, met, len(changes), f"worst {max(changes):.1%} off" if changes else "")
