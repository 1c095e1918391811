"""Restarted Jacobian-free differentiation: geometric decay in layers and in restarts."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ....problems import Deconvolution, Denoising, Inpainting, PseudoHuber
from ....problems.values.configuration import configuration
from ....solvers import DualFista, PrimalDual
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from ..finding import ClaimFinding, finding_of
from ..rows import RecordedRow, read_rows
from ..smooth_cases import SmoothCase
from .measure import L1Restarts, RestartCase, SmoothRestarts, measure_restarts
from .rows import LAYERS, RESTARTS, RestartRow

TASKS = (Denoising(), Inpainting(), Deconvolution())
L1_CASES = (L1Restarts(PrimalDual()), L1Restarts(DualFista()))
CASES = (*(SmoothRestarts(SmoothCase(task, 10, PseudoHuber())) for task in TASKS), *L1_CASES)
QUICK_CASES = (SmoothRestarts(SmoothCase(Denoising(), 6, PseudoHuber())),)
ACCELERATED = tuple(case.name for case in L1_CASES if case.accelerated)
TOLERANCE = 0.1
FLOOR, EARLY = 1e-12, 1e-5

RULE = (
    "rho is the spectral radius of the Jacobian of the solver's step at the solution, eigenvalues of one "
    "aside, from its dense matrix. Errors are fitted as log(error) = a + b steps, over the layers on tape "
    "for the gradient and over all (R + 1) L steps for x, where they lie between "
    f"{FLOOR:g} and {EARLY:g} (before, faster modes still count; below, rounding does). The claim holds for "
    f"a problem if b is within {TOLERANCE:.0%} of log rho. An accelerated solver has no fixed Jacobian: its "
    "slope is shown and not judged."
)

SETTING = "three smooth tasks and an l1 problem, float64, one crop each"
FINDING_RULE = (
    "Holds if every problem's slopes follow; in direction if only those over layers, or over restarts, do."
)


@configuration
class Restarts:
    """Does the error of restarted differentiation fall like rho^L, and that of x like rho^((R + 1) L)?

    Source: Davy, Briceno-Arias and Pustelnik, 2025, claim D1.
    """

    def cases(self, quick: bool) -> Sequence[RestartCase]:
        """Return the problems."""
        return QUICK_CASES if quick else CASES

    def measure(self, case: RestartCase, quick: bool) -> list[RestartRow]:
        """Measure errors over layers and over restarts."""
        return measure_restarts(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        found = read_rows(rows, RestartRow)
        targets = count_targets(found)
        cases = dict.fromkeys(row["case"] for row in found)
        return Page(
            title="Restarts: the error falls geometrically in layers and in restarts",
            question=(
                "A block of L steps is differentiated, after R blocks without a tape. With enough free "
                "blocks the error of the hypergradient should fall like rho^L (L = 1 is Jacobian-free "
                "backpropagation), that of x like rho^((R + 1) L). Errors are relative, against a dense "
                "implicit solve (smooth) or the closed form (l1). float64, mean squared error."
            ),
            rule=RULE,
            sections=[
                targets_section(targets),
                _slopes(found),
                *(_table(case, [row for row in found if row["case"] == case]) for case in cases),
            ],
            verdict=counted_verdict(targets),
            figures={"error_against_layers": _figure(found)} if found else {},
        )

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the finding on claim D1."""
        return [finding_of("D1", FINDING_RULE, SETTING, count_targets(read_rows(rows, RestartRow)))]


def error_of(row: RestartRow) -> float:
    """Return the error that falls: of the gradient over layers, of x over restarts."""
    return row["gradient_error"] if row["over"] == LAYERS else row["x_error"]


def slope(rows: Sequence[RestartRow], case: str, over: str) -> float | None:
    """Fit the slope of the log error over the steps; None for fewer than two points in range."""
    here = [row for row in rows if (row["case"], row["over"]) == (case, over)]
    points = [(row["steps"], math.log(error_of(row))) for row in here if FLOOR <= error_of(row) <= EARLY]
    if len(points) < 2:
        return None
    steps, logs = np.asarray(points).T
    return float(np.polyfit(steps, logs, 1)[0])


def count_targets(rows: Sequence[RestartRow]) -> list[Counted]:
    """Apply the rule, for layers and for restarts."""
    rho = {row["case"]: row["rho"] for row in rows if row["case"] not in ACCELERATED}
    targets = []
    for over, claim in (
        (LAYERS, "the gradient's error falls like rho^L"),
        (RESTARTS, "the error of x falls like rho^((R + 1) L)"),
    ):
        ratios = [one / math.log(rho[case]) for case in rho if (one := slope(rows, case, over)) is not None]
        missing = len(rho) - len(ratios)
        detail = f"slopes {min(ratios):.2f} to {max(ratios):.2f} of log rho" if ratios else ""
        met = sum(abs(ratio - 1) <= TOLERANCE for ratio in ratios)
        left_out = f"{missing} without a fit" if missing else ""
        targets.append(Counted(claim, met, len(ratios), detail, left_out))
    return targets


def _slopes(rows: Sequence[RestartRow]) -> TextTable:
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        rho = next(row["rho"] for row in rows if row["case"] == case)
        found = [slope(rows, case, over) for over in (LAYERS, RESTARTS)]
        lines.append([case, f"{rho:.6f}", f"{math.log(rho):.5f}", *(cell(one, ".5f") for one in found)])
    columns = ("problem", "rho", "log rho", "slope over layers", "slope over steps")
    return TextTable("Slopes", "", columns, lines)


def _table(case: str, rows: Sequence[RestartRow]) -> TextTable:
    lines = [
        [row["over"], str(row["steps"]), f"{row['gradient_error']:.1e}", f"{row['x_error']:.1e}"]
        for row in rows
    ]
    text = "Over layers: L on tape, the iterate converged. Over restarts: (R + 1) L steps in all."
    return TextTable(case, text, ("over", "steps", "error of gradient", "error of x"), lines)


def _figure(rows: Sequence[RestartRow]) -> Figure:
    """Draw errors over layers and over restarts, with the lines that rho predicts through the last point."""
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    panels = figure.subplots(1, 2)
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for axes, over in zip(panels, (LAYERS, RESTARTS), strict=True):
        for number, case in enumerate(cases):
            here = [row for row in rows if (row["case"], row["over"]) == (case, over)]
            steps = np.asarray([row["steps"] for row in here], float)
            errors = np.asarray([max(error_of(row), 1e-16) for row in here])
            axes.plot(steps, errors, color=COLOURS[number], marker=MARKERS[number], linestyle="", label=case)
            inside = np.flatnonzero((errors >= FLOOR) & (errors <= EARLY))
            if inside.size:
                at = inside[-1]
                predicted = errors[at] * here[0]["rho"] ** (steps - steps[at])
                axes.plot(steps, predicted, color=COLOURS[number], linewidth=1)
        axes.set(yscale="log")
        axes.grid(alpha=0.3, linewidth=0.5)
    panels[0].set(xlabel="layers on tape, L", ylabel="relative error of the hypergradient")
    panels[1].set(xlabel="steps in all, (R + 1) L", ylabel="relative error of x")
    panels[0].legend(fontsize=7, frameon=False)
    return figure
