"""The page of hypergradients of growing images: time, memory, what was not run and why."""

from collections.abc import Sequence

from ...records.status import Status
from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from ..growing_images import LARGEST_CROP
from .figure import time_and_memory
from .problem import (
    ADJOINT_STEPS,
    ADJOINT_TOLERANCE,
    BUDGET,
    SEGMENT,
    SOLVER,
    UNROLLED_STEPS,
)
from .rows import ClosedFormNotRunRow, ClosedFormRow, ScaleRow, is_closed_form, was_run
from .verdict import RULE, count_targets

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


def make_page(rows: Sequence[ScaleRow]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(rows)
    places = sorted({(row["task"], row["side"]) for row in rows})
    tables = [
        _section(task, side, [row for row in rows if (row["task"], row["side"]) == (task, side)])
        for task, side in places
    ]
    return Page(
        title="Hypergradients of growing images: time and memory",
        question=QUESTION,
        rule=RULE,
        sections=[targets_section(targets), _memory(rows), *tables],
        verdict=counted_verdict(targets),
        figures={"time_and_memory": time_and_memory(rows)} if rows else {},
    )


def _section(task: str, side: int, rows: Sequence[ScaleRow]) -> TextTable:
    text = " ".join(f"{row['method']}: {row['status']} ({row['reason']})." for row in rows if row["reason"])
    return TextTable(f"{task}, {side} x {side}", text, COLUMNS, [_line(row) for row in rows])


def _line(row: ScaleRow) -> list[str]:
    memory = row["memory_bytes"]
    return [
        row["method"],
        row["status"],
        cell(row["steps"], "d") if was_run(row) else "",
        cell(row["solve_seconds"], ".3g") if "solve_seconds" in row else "",
        cell(row["total_seconds"], ".3g") if was_run(row) else "",
        cell(row["total_calls"], "d") if was_run(row) else "",
        cell(None if memory is None else memory / 2**20, ",.1f"),
        cell(None if memory is None else memory / row["pixels"], ",.0f"),
        cell(row["adjoint_steps"], "d") if was_run(row) else "",
        cell(row["adjoint_residual"], ".1e") if was_run(row) else "",
        cell(row["ambiguous"], "d") if was_run(row) else "",
        cell(row["gradient_error"], ".1e") if was_run(row) else "",
    ]


def _memory(rows: Sequence[ScaleRow]) -> TextTable:
    """Return the closed form's memory by size, at both limits of steps, and what unrolling would need."""
    lines = []
    for row in rows:
        if not is_closed_form(row):
            continue
        others = [other for other in rows if (other["task"], other["side"]) == (row["task"], row["side"])]
        lines.append(
            [
                f"{row['task']} {row['side']} x {row['side']}",
                _per_pixel(row["memory_bytes"], row),
                _per_pixel(row["longer_memory_bytes"], row),
                *(_ratio(other, row) for other in others if not is_closed_form(other)),
            ]
        )
    columns = ("problem", "bytes per pixel", "ten times the limit", "unrolled / ours", "checkpointed / ours")
    text = "Static memory of the closed form, and how many times as much unrolling needs."
    return TextTable("Memory", text, columns, lines)


def _per_pixel(memory: float | int | None, row: ScaleRow) -> str:
    return cell(None if memory is None else memory / row["pixels"], ",.1f")


def _ratio(other: ScaleRow, ours: ClosedFormNotRunRow | ClosedFormRow) -> str:
    mark = "" if other["status"] == Status.OK.value else f" ({other['status']})"
    theirs, own = other["memory_bytes"], ours["memory_bytes"]
    return f"{cell(None if theirs is None or own is None else theirs / own, '.1f')}{mark}"
