"""Restarted Jacobian-free differentiation: geometric decay in layers and in restarts."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from ....problems.values.configuration import configuration
from ...report.page import Page, Section
from ...report.panels import COLOURS, MARKERS
from ..counted import Counted, counted_verdict, targets_section
from ..reproduction import Row
from .measure import L1_SOLVERS, measure_restarts

SMOOTH = tuple(f"{task}, 10 x 10, pseudo-Huber" for task in ("denoising", "inpainting", "deconvolution"))
QUICK_CASES = ("denoising, 6 x 6, pseudo-Huber",)
ACCELERATED = ("l1 denoising, dual FISTA",)
TOLERANCE = 0.1
FLOOR, EARLY = 1e-12, 1e-5
ERRORS = {"layers": "gradient_error", "restarts": "x_error"}

RULE = (
    "rho is the spectral radius of the Jacobian of the solver's step at the solution, eigenvalues of one "
    "aside, from its dense matrix. Errors are fitted as log(error) = a + b steps, over the layers on tape "
    "for the gradient and over all (R + 1) L steps for x, where they lie between "
    f"{FLOOR:g} and {EARLY:g} (before, faster modes still count; below, rounding does). The claim holds for "
    f"a problem if b is within {TOLERANCE:.0%} of log rho. An accelerated solver has no fixed Jacobian: its "
    "slope is shown and not judged."
)


@configuration
class Restarts:
    """Does the error of restarted differentiation fall like rho^L, and that of x like rho^((R + 1) L)?

    Source: Davy, Briceno-Arias and Pustelnik, 2025, claim D1.
    """

    def cases(self, quick: bool) -> Sequence[str]:
        """Name the problems."""
        return QUICK_CASES if quick else [*SMOOTH, *L1_SOLVERS]

    def measure(self, case: str, quick: bool) -> list[Row]:
        """Measure errors over layers and over restarts."""
        return measure_restarts(case, quick)

    def page(self, rows: Sequence[Row]) -> Page:
        """Return tables, figure and verdict."""
        found: list[Any] = list(rows)
        judged = judge(rows)
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
                targets_section(judged),
                _slopes(found),
                *(_table(case, [row for row in found if row["case"] == case]) for case in cases),
            ],
            verdict=counted_verdict(judged),
            figures={"error_against_layers": _figure(found)} if found else {},
        )


def slope(rows: Sequence[Any], case: str, over: str) -> float | None:
    """Fit the slope of the log error over the steps; None for fewer than two points in range."""
    name = ERRORS[over]
    here = [row for row in rows if (row["case"], row["over"]) == (case, over)]
    points = [(row["steps"], math.log(row[name])) for row in here if FLOOR <= row[name] <= EARLY]
    if len(points) < 2:
        return None
    steps, logs = np.asarray(points).T
    return float(np.polyfit(steps, logs, 1)[0])


def judge(rows: Sequence[Row]) -> list[Counted]:
    """Apply the rule, for layers and for restarts."""
    found: list[Any] = list(rows)
    rho = {row["case"]: row["rho"] for row in found if row["case"] not in ACCELERATED}
    judged = []
    for over, claim in (
        ("layers", "the gradient's error falls like rho^L"),
        ("restarts", "the error of x falls like rho^((R + 1) L)"),
    ):
        ratios = [one / math.log(rho[case]) for case in rho if (one := slope(found, case, over)) is not None]
        missing = len(rho) - len(ratios)
        detail = f"slopes {min(ratios):.2f} to {max(ratios):.2f} of log rho" if ratios else ""
        met = sum(abs(ratio - 1) <= TOLERANCE for ratio in ratios)
        judged.append(Counted(claim, met, len(ratios), detail, f"{missing} without a fit" if missing else ""))
    return judged


def _slopes(rows: Sequence[Any]) -> Section:
    lines = []
    for case in dict.fromkeys(row["case"] for row in rows):
        rho = next(row["rho"] for row in rows if row["case"] == case)
        found = [slope(rows, case, over) for over in ERRORS]
        lines.append(
            [case, f"{rho:.6f}", f"{math.log(rho):.5f}", *("" if b is None else f"{b:.5f}" for b in found)]
        )
    columns = ("problem", "rho", "log rho", "slope over layers", "slope over steps")
    return Section("Slopes", "", columns, lines)


def _table(case: str, rows: Sequence[Any]) -> Section:
    lines = [
        [row["over"], str(row["steps"]), f"{row['gradient_error']:.1e}", f"{row['x_error']:.1e}"]
        for row in rows
    ]
    text = "Over layers: L on tape, the iterate converged. Over restarts: (R + 1) L steps in all."
    return Section(case, text, ("over", "steps", "error of gradient", "error of x"), lines)


def _figure(rows: Sequence[Any]) -> Figure:
    """Draw errors over layers and over restarts, with the lines that rho predicts through the last point."""
    figure = Figure(figsize=(10, 4.8), layout="constrained")
    panels = figure.subplots(1, 2)
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for axes, (over, name) in zip(panels, ERRORS.items(), strict=True):
        for number, case in enumerate(cases):
            here = [row for row in rows if (row["case"], row["over"]) == (case, over)]
            steps = np.asarray([row["steps"] for row in here], float)
            errors = np.asarray([max(row[name], 1e-16) for row in here])
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
