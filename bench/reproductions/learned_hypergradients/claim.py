"""Hypergradients of learned models, on every task."""

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from ....problems.values.configuration import configuration
from ...catalogue.catalogue import built_in
from ...records.status import Status
from ...report.page import Page, Section
from ...report.panels import COLOURS, MARKERS, add_legend
from ..counted import Counted, counted_verdict, targets_section
from ..reproduction import Row
from .measure import IMPLICIT, RULES, measure_model

ACCURACY = 1e-5
FLOOR = 1e-6
"""Smaller errors are drawn there: a rule that is exact on a model would squeeze all others."""
NOT_HERE = ("analysis-l1", "analysis-l12")
"""They have no map whose fixed point is asked for; `certified-l1` and `blorc-timing` are about the first."""
QUICK = ("untied-experts, denoising", "convex-ridge, super-resolution")
QUESTION = (
    "What people learn today as lower levels: ridge functions, networks as energies, denoisers in the place "
    "of a gradient or of a proximal operator, wavelets. Is the implicit hypergradient right, and how wrong "
    "are one step, phantom and restarted differentiation? Crops of photographs of 12 x 12, float64, mean "
    "squared error, parameters as benchmarks start from. L-BFGS finds a stationary point of smooth energies, "
    "Anderson's method the fixed point of the others, to a residual of 1e-12. Rules differentiate the plain "
    "map there, with a step size of 1/L; the implicit one solves its adjoint by a dense factorisation. "
    "Restarted differentiation makes its own steps of the map, from A^T y. The contraction factor is that of "
    "the adjoint iteration."
)
RULE = (
    f"The implicit hypergradient must agree with central differences along three random directions of the "
    f"parameters to {ACCURACY:g} of the largest, on every model and task where the solver converged and the "
    "loss has no kink along them. Differences are of solutions that Newton's method has polished. The other "
    "rules have no target: their relative errors, against the implicit hypergradient, are the finding."
)


@configuration
class LearnedHypergradients:
    """Are hypergradients of learned models right, and what do the cheap rules miss?

    Source: this project's own question, on the models of Zou et al., 2023, Riccio et al., 2022, and Davy et
    al., 2025.
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name models and tasks."""
        if quick:
            return QUICK
        subjects = built_in()
        models = [name for name in subjects.regularizers if name not in NOT_HERE]
        return [f"{model}, {task}" for model in models for task in subjects.tasks]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Measure one model on one task."""
        regularizer, task = case.split(", ")
        return measure_model(regularizer, task, quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return a table a task, the figure and the verdict."""
        found: list[Any] = list(rows)
        judged = judge(rows)
        tasks = dict.fromkeys(row["task"] for row in found)
        return Page(
            title="Hypergradients of learned models",
            question=QUESTION,
            rule=RULE,
            sections=[
                targets_section(judged),
                *(_table(task, [row for row in found if row["task"] == task]) for task in tasks),
            ],
            verdict=counted_verdict(judged),
            figures={"errors_of_rules": _figure(found)} if found else {},
        )


def judge(rows: Sequence[Row]) -> list[Counted]:
    """Apply the rule."""
    found: list[Any] = [row for row in rows if row["method"] == IMPLICIT]
    smooth = [row for row in found if row["status"] == Status.OK.value and not row["kink"]]
    # A solution that was found and a gradient that is no number is a miss, not a row without a figure.
    judged = [row for row in smooth if row["error"] is not None or not row["finite"]]
    errors = [math.inf if row["error"] is None else row["error"] for row in judged]
    left = len(found) - len(judged)
    return [
        Counted(
            f"implicit agrees with central differences to {ACCURACY:g}",
            sum(error <= ACCURACY for error in errors),
            len(errors),
            f"worst {max(errors, default=0.0):.1e}",
            f"{left} without a converged solution, or with a kink or a zero derivative" if left else "",
        )
    ]


def _table(task: str, rows: Sequence[Any]) -> Section:
    lines = []
    for model in dict.fromkeys(row["regularizer"] for row in rows):
        mine = {row["method"]: row for row in rows if row["regularizer"] == model}
        exact = mine[IMPLICIT]
        found = exact["status"] == Status.OK.value
        state = "ok" + exact["kink"] * ", kink" if found else f"{exact['status']}: {exact['reason']}"
        errors = [_power(mine[name]["error"]) for name in RULES]
        numbers = [f"{exact['steps']}", _power(exact["residual"]), _power(exact["contraction"])]
        lines.append([model, state, *numbers, _power(exact["error"] if found else None), *errors])
    columns = ("model", "status", "steps", "residual", "contraction", "implicit - differences", *RULES)
    return Section(task, "Relative errors of the hypergradient by all parameters.", columns, lines)


def _figure(rows: Sequence[Any]) -> Figure:
    """Draw the errors of the rules, a column a model."""
    models = list(dict.fromkeys(row["regularizer"] for row in rows))
    figure = Figure(figsize=(7.0, 4.6), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(RULES):
        mine = [row for row in rows if row["method"] == name and row["error"] is not None]
        axes.plot(
            [models.index(row["regularizer"]) + 0.15 * (number - 1.5) for row in mine],
            [max(row["error"], FLOOR) for row in mine],
            color=COLOURS[number],
            marker=MARKERS[number],
            markersize=4,
            linestyle="none",
            label=name,
        )
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1)
    axes.set_xticks(range(len(models)), models, rotation=40, ha="right")
    axes.set(yscale="log", ylabel=f"relative error, a point a task\n(smaller ones at {FLOOR:g})")
    axes.grid(alpha=0.3, linewidth=0.5)
    add_legend(figure, axes.get_lines()[:-1])
    return figure


def _power(value: float | None) -> str:
    return "none" if value is None else f"{value:.1e}"
