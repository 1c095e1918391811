"""The page of hypergradients of growing images: time, memory, what was not run and why."""

from collections.abc import Sequence
from typing import Any

from ...records.status import Status
from ...report.page import Page, Section
from ..counted import counted_verdict, targets_section
from ..reproduction import Row
from .figure import time_and_memory
from .problem import (
    ADJOINT_STEPS,
    ADJOINT_TOLERANCE,
    BUDGET,
    CLOSED_FORM,
    LARGEST_CROP,
    SEGMENT,
    SOLVER,
    UNROLLED_STEPS,
)
from .verdict import RULE, judge

QUESTION = (
    "How do time and memory of a hypergradient grow with the image? l1 with 8 perturbed 3 x 3 filters, "
    "denoising and deconvolution, the weight a fifth of the noise, mean squared error, gradient by filters "
    f"and weight, float64. Ground truths are photographs; beyond {LARGEST_CROP} x {LARGEST_CROP} pixels one "
    f"crop of that size, mirrored at its borders again and again. {SOLVER!r} with FFTs stops at a relative "
    f"KKT residual of {BUDGET.tolerance:g}; the closed form solves its adjoint system without a "
    f"factorisation (conjugate gradients for denoising, MINRES for deconvolution) to {ADJOINT_TOLERANCE:g} "
    f"or {ADJOINT_STEPS} steps. Unrolled is {UNROLLED_STEPS} steps, plain, and storing every {SEGMENT}th "
    "state. Programs are compiled before the clock starts; times are medians, or one call where that takes "
    "longer than four seconds. Memory is the compiler's static figure of solve with gradient: arguments, "
    "outputs, temporaries. A program that needs more than four fifths of the machine's is not run, nor is "
    "an unrolled one that would take more than a minute by the time of ten of its steps. The solver's "
    "tolerance and the unrolled steps do not give equal accuracy: at the smallest sizes the error against "
    "the closed form on a certified solution is shown."
)
COLUMNS = (
    "method",
    "status",
    "steps",
    "solve s",
    "total s",
    "calls",
    "memory MiB",
    "bytes per pixel",
    "adjoint steps",
    "adjoint residual",
    "ambiguous rows",
    "gradient error",
)


def make_page(rows: Sequence[Row]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    judged = judge(rows)
    places = sorted({(str(row["task"]), int(str(row["side"]))) for row in rows})
    found: list[Any] = list(rows)
    tables = [
        _section(task, side, [row for row in found if (row["task"], row["side"]) == (task, side)])
        for task, side in places
    ]
    return Page(
        title="Hypergradients of growing images: time and memory",
        question=QUESTION,
        rule=RULE,
        sections=[targets_section(judged), _memory(found), *tables],
        verdict=counted_verdict(judged),
        figures={"time_and_memory": time_and_memory(found)} if rows else {},
    )


def _section(task: str, side: int, rows: Sequence[Any]) -> Section:
    text = " ".join(f"{row['method']}: {row['status']} ({row['reason']})." for row in rows if row["reason"])
    return Section(f"{task}, {side} x {side}", text, COLUMNS, [_line(row) for row in rows])


def _line(row: Any) -> list[str]:
    return [
        row["method"],
        row["status"],
        _text(row.get("steps"), "d"),
        _text(row.get("solve_seconds"), ".3g"),
        _text(row.get("total_seconds"), ".3g"),
        _text(row.get("total_calls"), "d"),
        f"{row['memory_bytes'] / 2**20:,.1f}",
        f"{row['memory_bytes'] / row['pixels']:,.0f}",
        _text(row.get("adjoint_steps"), "d"),
        _text(row.get("adjoint_residual"), ".1e"),
        _text(row.get("ambiguous"), "d"),
        _text(row.get("gradient_error"), ".1e"),
    ]


def _text(value: float | int | None, form: str) -> str:
    return "" if value is None else f"{value:{form}}"


def _memory(rows: Sequence[Any]) -> Section:
    """Return the closed form's memory by size, at both limits of steps, and what unrolling would need."""
    lines = []
    for row in rows:
        if row["method"] != CLOSED_FORM:
            continue
        others = [other for other in rows if (other["task"], other["side"]) == (row["task"], row["side"])]
        lines.append(
            [
                f"{row['task']} {row['side']} x {row['side']}",
                f"{row['memory_bytes'] / row['pixels']:,.1f}",
                f"{row['longer_memory_bytes'] / row['pixels']:,.1f}",
                *(_ratio(other, row) for other in others if other["method"] != CLOSED_FORM),
            ]
        )
    columns = ("problem", "bytes per pixel", "ten times the limit", "unrolled / ours", "checkpointed / ours")
    text = "Static memory of the closed form, and how many times as much unrolling needs."
    return Section("Memory", text, columns, lines)


def _ratio(other: Any, ours: Any) -> str:
    mark = "" if other["status"] == Status.OK else f" ({other['status']})"
    return f"{other['memory_bytes'] / ours['memory_bytes']:.1f}{mark}"
