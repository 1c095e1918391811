"""The page of inexact lower levels: errors by tolerance, what each rule needs, the example."""

from collections.abc import Sequence

from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from .example import EXAMPLE, STEP, WEIGHT
from .figure import gradient_against_solution
from .problem import MOST_STEPS
from .rows import AnyInexactRow, InexactRow, at_tolerance, is_example
from .verdict import (
    LEVELS,
    RULE,
    count_targets,
    misleading,
    needed_tolerance,
    pairs_of,
    with_gradient,
)

QUESTION = (
    "How exactly must the lower level be solved for a right hypergradient? The solver stops at relative "
    "residuals (KKT for l1, gradient norm for the smooth energy) from 1e-1 to 1e-12, looked at after every "
    f"step, or after {MOST_STEPS} steps. The adjoint rule (closed form for l1, implicit with conjugate "
    "gradients for fields of experts) looks back from there; unrolled differentiates the same number of "
    "steps. Errors are relative: of x against the certified (l1) or polished (smooth) solution, of the "
    "gradient by all of the regulariser's parameters against the reference there, whose error bound by "
    "central differences of solutions stands above each table. Wrong rows are those on another side of the "
    "active set than at the certified solution; ambiguous ones are what the iterate's own certificate says "
    "could be. float64, mean squared error, piecewise-constant signals and photographs with the "
    "regularisers that benchmarks start from."
)
COLUMNS = (
    "tolerance",
    "rule",
    "status",
    "steps",
    "residual",
    "error of x",
    "error of gradient",
    "wrong rows",
    "ambiguous rows",
)


def make_page(rows: Sequence[AnyInexactRow]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    cases = list(dict.fromkeys(row["case"] for row in rows if row["case"] != EXAMPLE.name))
    example = [row for row in rows if row["case"] == EXAMPLE.name]
    targets = count_targets(rows)
    measured = with_gradient(rows)
    return Page(
        title="Inexact lower levels: the error of the hypergradient against the solver's tolerance",
        question=QUESTION,
        rule=RULE,
        sections=[
            targets_section(targets),
            _needed(measured),
            _misleading(measured),
            *(_case(name, [row for row in rows if row["case"] == name]) for name in cases),
            *([_example(example)] if example else []),
        ],
        verdict=counted_verdict(targets),
        figures={"gradient_against_solution": gradient_against_solution(measured)} if measured else {},
    )


def _case(name: str, rows: Sequence[AnyInexactRow]) -> TextTable:
    measured = [row for row in rows if at_tolerance(row)]
    if not measured:
        return TextTable(name, f"Not measured: {rows[0]['reason']}.", COLUMNS, [])
    first = measured[0]
    text = (
        f"{first['solver']}. Differences bound the reference's own error by {first['reference_error']:.0e}."
    )
    if first["rows_of_W"] is not None:
        text += f" W has {first['rows_of_W']} rows."
    return TextTable(name, text, COLUMNS, [_line(row) for row in measured])


def _line(row: InexactRow) -> list[str]:
    return [
        f"{row['tolerance']:.0e}",
        row["method"],
        row["status"],
        str(row["steps"]),
        f"{row['residual']:.1e}",
        cell(row["x_error"], ".1e"),
        cell(row["gradient_error"], ".1e", "not finite"),
        cell(row["wrong_rows"], "d"),
        cell(row["ambiguous"], "d"),
    ]


def _needed(rows: Sequence[InexactRow]) -> TextTable:
    lines = []
    for case, method in pairs_of(rows):
        found = [needed_tolerance(rows, case, method, level) for level in LEVELS]
        lines.append([case, method, *(cell(one, ".0e", "not reached") for one in found)])
    columns = ("problem", "rule", *(f"error {level:.0e}" for level in LEVELS))
    return TextTable(
        "Tolerance needed", "The loosest from which on the gradient's error stays below.", columns, lines
    )


def _misleading(rows: Sequence[InexactRow]) -> TextTable:
    found = misleading(rows)
    columns = ("problem", "rule", "tolerance", "error of x", "error of gradient", "wrong rows")
    lines = [
        [
            row["case"],
            row["method"],
            f"{row['tolerance']:.0e}",
            cell(row["x_error"], ".1e"),
            cell(row["gradient_error"], ".1e"),
            cell(row["wrong_rows"], "d"),
        ]
        for row in found
    ]
    text = "x is right, the gradient is not." if found else "No row: wherever x is right, so is the gradient."
    return TextTable("Where a derivative misleads", text, columns, lines)


def _example(rows: Sequence[AnyInexactRow]) -> TextTable:
    text = (
        f"Denoising with 8 perturbed 3 x 3 filters, weight {WEIGHT:g}. The derivative of the loss along one "
        f"random direction of filters and weight: of the iterate by central differences with step {STEP:g}, "
        "of the iterate by automatic differentiation through all steps, and of the certified solution."
    )
    columns = ("steps", "residual", "error of x", "differences", "AD through", "exact", "AD's error")
    lines = [
        [
            f"{row['steps']:,}",
            f"{row['residual']:.1e}",
            cell(row["x_error"], ".1e"),
            f"{row['by_differences']:.6g}",
            f"{row['by_ad']:.6g}",
            f"{row['exact']:.6g}",
            f"{abs(row['by_ad'] / row['exact'] - 1):.1e}",
        ]
        for row in rows
        if is_example(row)
    ]
    failed = [row["reason"] for row in rows if not is_example(row)]
    return TextTable(f"Example: {EXAMPLE.name}", " ".join([text, *failed]), columns, lines)
