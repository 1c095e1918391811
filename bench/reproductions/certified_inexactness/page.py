"""The page of certified inexactness: bound over error, what accuracies cost, the verdict."""

import statistics
from collections.abc import Sequence
from typing import TypeVar

from matplotlib.figure import Figure

from ...report.page import Page
from ...report.panels import COLOURS, MARKERS, add_legend
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from .rows import (
    TOLERANCES,
    AtAccuracy,
    AtTolerances,
    Inexact,
    InexactnessRow,
    is_at_accuracy,
    is_at_tolerances,
)

LARGEST_MEDIAN = 100.0
ROUNDING = 1e-13

QUESTION = (
    "How wrong is a hypergradient whose lower level and adjoint are solved inexactly? The bound needs the "
    "residuals of both and the problem's constants, but neither solution. Fields-of-experts denoising of "
    "photographs with the filters and weights that benchmarks start from, mean squared error, batch 1, "
    "float64. Nesterov's method stops at relative residuals of 1e-1 to 1e-10, conjugate gradients at 1e-1 to "
    "1e-10. Errors and bounds are norms of all of the regulariser's parameters over the true norm; the true "
    "hypergradient is the reference: Newton's method to rounding, then a dense or tight adjoint solve. "
    "`Implicit(accuracy=a)` chooses both tolerances itself."
)
RULE = (
    f"The bound must be at least the true error on every row; {ROUNDING:g} of the norm is granted for "
    f"rounding. It is useful if the median over a problem's rows is at most {LARGEST_MEDIAN:g} times the "
    "error. `Implicit(accuracy=a)` must be accurate to a on every row, say so by its bound, and never take "
    "more steps of the solver for a larger a."
)


AnyRow = TypeVar("AnyRow", AtTolerances, AtAccuracy)


def make_page(rows: Sequence[InexactnessRow]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(rows)
    measured = [row for row in rows if is_at_tolerances(row)]
    return Page(
        title="Certified inexactness: the error of a hypergradient from its residuals",
        question=QUESTION,
        rule=RULE,
        sections=[targets_section(targets), _ratios(rows), _accuracies(rows)],
        verdict=counted_verdict(targets),
        figures={"bound_against_error": bound_against_error(measured)} if measured else {},
    )


def count_targets(rows: Sequence[InexactnessRow]) -> list[Counted]:
    """Apply the rule."""
    at_tolerances = [row for row in rows if is_at_tolerances(row)]
    asked = [row for row in rows if is_at_accuracy(row)]
    every: list[Inexact] = [*at_tolerances, *asked]
    holding = [row for row in every if row["bound"] + ROUNDING >= row["error"]]
    medians = [statistics.median(map(_ratio, here)) for here in _by_case(at_tolerances).values()]
    overall = statistics.median(map(_ratio, at_tolerances)) if at_tolerances else None
    smallest = min(map(_ratio, every), default=None)
    cheaper = [_never_dearer(here) for here in _by_case(asked).values()]
    return [
        Counted(
            "the bound is at least the error",
            len(holding),
            len(every),
            "" if smallest is None else f"smallest ratio {smallest:.2g}",
        ),
        Counted(
            f"the median ratio is at most {LARGEST_MEDIAN:g}",
            sum(median <= LARGEST_MEDIAN for median in medians),
            len(medians),
            "" if overall is None else f"median of all {overall:.3g}, worst problem {max(medians):.3g}",
        ),
        Counted(
            "the accuracy asked for is met", sum(row["error"] <= row["accuracy"] for row in asked), len(asked)
        ),
        Counted("the bound says so", sum(map(_says_so, asked)), len(asked)),
        Counted("a larger accuracy is never dearer", sum(cheaper), len(cheaper)),
    ]


def bound_against_error(rows: Sequence[AtTolerances]) -> Figure:
    """Draw one point per row; on the dotted line the bound is the error."""
    figure = Figure(figsize=(6.5, 5.0), layout="constrained")
    axes = figure.subplots()
    for number, size in enumerate(dict.fromkeys(row["size"] for row in rows)):
        here = [row for row in rows if row["size"] == size and row["error"] > 0]
        axes.plot(
            [row["error"] for row in here],
            [row["bound"] for row in here],
            color=COLOURS[number],
            marker=MARKERS[number],
            markersize=4,
            linestyle="none",
            label=size,
        )
    axes.set(xscale="log", yscale="log", xlabel="relative error", ylabel="bound")
    equal = axes.axline((1e-6, 1e-6), (1, 1), color="0.5", linestyle=":", label="bound = error")
    axes.grid(alpha=0.3, linewidth=0.5)
    add_legend(figure, [*(line for line in axes.get_lines() if line is not equal), equal])
    return figure


def _ratios(rows: Sequence[InexactnessRow]) -> TextTable:
    measured = _by_case([row for row in rows if is_at_tolerances(row)])
    lines = []
    for case, reason in {row["case"]: row["reason"] for row in rows if row["kind"] == TOLERANCES}.items():
        lines.append(_ratio_line(case, measured[case]) if case in measured else [case, reason, *[""] * 6])
    columns = ("problem", "reference", "errors", "smallest", "median", "largest", "from x", "from v")
    text = (
        "Bound over true error, over all pairs of tolerances. `from x` is the median where the error of x "
        "makes up nine tenths of the bound, `from v` where the adjoint's residual does. `reference` is what "
        "central differences say of the reference's own error."
    )
    return TextTable("Bound over error", text, columns, lines)


def _ratio_line(case: str, rows: Sequence[AtTolerances]) -> list[str]:
    ratios = sorted(map(_ratio, rows))
    by_x = [_ratio(row) for row in rows if row["adjoint"] <= 0.1 * row["bound"]]
    by_v = [_ratio(row) for row in rows if row["adjoint"] >= 0.9 * row["bound"]]
    quantities = [ratios[0], statistics.median(ratios), ratios[-1], _median(by_x), _median(by_v)]
    errors = [row["error"] for row in rows]
    return [
        case,
        f"{rows[0]['reference_error']:.0e}",
        f"{min(errors):.0e} to {max(errors):.0e}",
        *(cell(one, ".3g") for one in quantities),
    ]


def _accuracies(rows: Sequence[InexactnessRow]) -> TextTable:
    tightest = {row["case"]: row for row in rows if is_at_tolerances(row)}
    lines = []
    for row in rows:
        if not is_at_accuracy(row):
            continue
        last = tightest[row["case"]]
        lines.append(
            [
                row["case"],
                f"{row['accuracy']:.0e}",
                "yes" if row["reached"] else "no",
                f"{row['error']:.1e}",
                f"{row['bound']:.1e}",
                f"{row['residual']:.1e}",
                f"{row['steps']} of {last['steps']}",
                f"{row['adjoint_steps']} of {last['adjoint_steps']}",
            ]
        )
    columns = ("problem", "accuracy", "reached", "error", "bound", "residual", "steps", "adjoint steps")
    text = "Steps of the solver and of conjugate gradients, of those that both tightest tolerances take."
    return TextTable("Accuracy asked for", text, columns, lines)


def _never_dearer(rows: Sequence[AtAccuracy]) -> bool:
    steps = [row["steps"] for row in sorted(rows, key=lambda row: row["accuracy"])]
    return steps == sorted(steps, reverse=True)


def _says_so(row: AtAccuracy) -> bool:
    return row["reached"] and row["bound"] <= row["accuracy"]


def _ratio(row: Inexact) -> float:
    return row["bound"] / row["error"] if row["error"] else float("inf")


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _by_case(rows: Sequence[AnyRow]) -> dict[str, list[AnyRow]]:
    found: dict[str, list[AnyRow]] = {}
    for row in rows:
        found.setdefault(row["case"], []).append(row)
    return found
