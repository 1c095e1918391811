"""Hypergradients of learned models, on every task."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from ....problems.values.configuration import configuration
from ...catalogue.catalogue import built_in
from ...records.status import Status
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS, add_legend
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from ..rows import RecordedRow
from .measure import RULES, LearnedModel, measure_model
from .rows import LearnedRow, is_implicit, read_learned

ACCURACY = 1e-5
FLOOR = 1e-6
"""Smaller errors are drawn there: a rule that is exact on a model would squeeze all others."""
NOT_HERE = ("analysis-l1", "analysis-l12")
"""They have no map whose fixed point is asked for; `certified-l1` and `blorc-timing` are about the first."""
QUICK = (LearnedModel("untied-experts", "denoising"), LearnedModel("convex-ridge", "super-resolution"))
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

    def cases(self, quick: bool) -> Sequence[LearnedModel]:
        """Return models and tasks."""
        if quick:
            return QUICK
        subjects = built_in()
        models = [name for name in subjects.regularizers if name not in NOT_HERE]
        return [LearnedModel(model, task) for model in models for task in subjects.tasks]

    def measure(self, case: LearnedModel, quick: bool) -> list[LearnedRow]:
        """Measure one model on one task."""
        return measure_model(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return one table per task, the figure and the verdict."""
        found = list(map(read_learned, rows))
        targets = count_targets(found)
        tasks = dict.fromkeys(row["task"] for row in found)
        return Page(
            title="Hypergradients of learned models",
            question=QUESTION,
            rule=RULE,
            sections=[
                targets_section(targets),
                *(_table(task, [row for row in found if row["task"] == task]) for task in tasks),
            ],
            verdict=counted_verdict(targets),
            figures={"errors_of_rules": _figure(found)} if found else {},
        )


def count_targets(rows: Sequence[LearnedRow]) -> list[Counted]:
    """Apply the rule."""
    found = [row for row in rows if is_implicit(row)]
    smooth = [row for row in found if row["status"] == Status.OK.value and not row["kink"]]
    # A solution that was found and a gradient that is no number is a miss, not a row without a figure.
    judged = [row for row in smooth if row["error"] is not None or not row["finite"]]
    errors = [math.inf if (error := row["error"]) is None else error for row in judged]
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


def _table(task: str, rows: Sequence[LearnedRow]) -> TextTable:
    lines = []
    for exact in rows:
        if not is_implicit(exact):
            continue
        model = exact["regularizer"]
        mine = {row["method"]: row for row in rows if row["regularizer"] == model}
        found = exact["status"] == Status.OK.value
        state = "ok" + exact["kink"] * ", kink" if found else f"{exact['status']}: {exact['reason']}"
        errors = [_power(mine[name]["error"]) for name in RULES]
        numbers = [f"{exact['steps']}", _power(exact["residual"]), _power(exact["contraction"])]
        lines.append([model, state, *numbers, _power(exact["error"] if found else None), *errors])
    columns = ("model", "status", "steps", "residual", "contraction", "implicit - differences", *RULES)
    return TextTable(task, "Relative errors of the hypergradient by all parameters.", columns, lines)


def _figure(rows: Sequence[LearnedRow]) -> Figure:
    """Draw the errors of the rules, one column per model."""
    models = list(dict.fromkeys(row["regularizer"] for row in rows))
    figure = Figure(figsize=(7.0, 4.6), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(RULES):
        mine = [
            (models.index(row["regularizer"]), error)
            for row in rows
            if row["method"] == name and (error := row["error"]) is not None
        ]
        axes.plot(
            [model + 0.15 * (number - 1.5) for model, _ in mine],
            [max(error, FLOOR) for _, error in mine],
            color=COLOURS[number],
            marker=MARKERS[number],
            markersize=4,
            linestyle="none",
            label=name,
        )
    axes.axhline(1, color="0.5", linestyle=":", linewidth=1)
    axes.set_xticks(range(len(models)), models, rotation=40, ha="right")
    axes.set(yscale="log", ylabel=f"relative error, one point per task\n(smaller ones at {FLOOR:g})")
    axes.grid(alpha=0.3, linewidth=0.5)
    add_legend(figure, axes.get_lines()[:-1])
    return figure


def _power(value: float | None) -> str:
    return cell(value, ".1e", "none")
