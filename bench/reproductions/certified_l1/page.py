"""The page of certified l1 solutions: certificates, errors at every step of differences, kinks."""

from collections.abc import Sequence
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ....hypergrad.references.central_differences import STEPS
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS, add_legend
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from .problem import LARGEST_DIFFERENCED, LARGEST_OF_ALL_DIRECTIONS
from .rows import CertifiedRow, Differenced, is_differenced
from .verdict import ACCURACY, RULE, count_targets, is_apart

QUESTION = (
    "Can solutions of l1 problems be certified for every A, and does the closed form differentiate them? "
    "Images are photographs with 8 perturbed 3 x 3 filters, the weight a fifth of the task's noise; random "
    "A are normal matrices with a dense W of perturbed differences on piecewise-constant signals; total "
    "variation has the 24 exact differences of 4 x 4 pixels, which are dependent. float64; the loss is the "
    "mean squared error. Solved by an interior-point method, then semismooth Newton steps, then the "
    "optimality system on the active rows. Differences are of losses of solutions that are certified anew "
    "at every moved point, along three random unit directions that move A, y, W and weight together, or one "
    f"of them; along one direction beyond {LARGEST_OF_ALL_DIRECTIONS} pixels a side, and not at all beyond "
    f"{LARGEST_DIFFERENCED}, where every one takes many minutes."
)
CERTIFICATE = (
    "problem",
    "seed",
    "certified",
    "stationarity",
    "|u| excess",
    "wrong sign",
    "gap",
    "active (rank) of",
    "ambiguous",
    "dual margin",
    "primal margin",
    "Newton",
    "s",
    "gradient s",
    "adjoint residual",
    "again s",
    "nonsmooth",
)


def make_page(rows: Sequence[CertifiedRow]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(rows)
    differenced = [row for row in rows if is_differenced(row)]
    return Page(
        title="Certified l1 solutions, and the closed form against their differences",
        question=QUESTION,
        rule=RULE,
        sections=[
            targets_section(targets),
            _certificates(rows),
            _errors(differenced),
            _kinks(differenced),
        ],
        verdict=counted_verdict(targets),
        figures={"error_against_step": error_against_step(differenced)} if rows else {},
    )


def error_against_step(rows: Sequence[Differenced]) -> Figure:
    """Draw the closed form's error over the step of the differences, one line per row, smooth points only."""
    figure = Figure(figsize=(9.5, 4.8), layout="constrained")
    handles: list[Line2D] = []
    drawn = [row for row in rows if not row["nonsmooth"]]
    for axes, kind in zip(figure.subplots(1, 2, sharey=True), ACCURACY, strict=True):
        here = [row for row in drawn if row["kind"] == kind]
        handles += _draw(axes, here, "task" if kind == "image" else "moves", len(handles))
        axes.axhline(ACCURACY[kind], color="0.5", linestyle=":", linewidth=1)
        axes.set(xscale="log", yscale="log", xlabel="step h of the differences")
        axes.set_title({"image": "images", "random A": "random A, parts apart"}[kind], fontsize=10)
        axes.grid(alpha=0.3, linewidth=0.5)
    figure.axes[0].set_ylabel("relative error")
    if handles:
        add_legend(figure, [*handles, Line2D([], [], color="0.5", linestyle=":", label="target")])
    return figure


def _draw(
    axes: Axes, rows: Sequence[Differenced], group: Literal["task", "moves"], offset: int
) -> list[Line2D]:
    names = list(dict.fromkeys(row[group] for row in rows))
    looks = {
        name: (COLOURS[(offset + number) % len(COLOURS)], MARKERS[(offset + number) % len(MARKERS)])
        for number, name in enumerate(names)
    }
    for row in rows:
        colour, marker = looks[row[group]]
        # What is exact to the last bit has no place on a logarithmic axis.
        points = [(h, error) for h, error in zip(STEPS, row["errors"], strict=True) if error]
        axes.plot(
            *zip(*points, strict=True), color=colour, marker=marker, markersize=4, linewidth=0.7, alpha=0.7
        )
    labels = {name: name if group == "task" else f"random A, {name} moves" for name in names}
    return [
        Line2D([], [], color=colour, marker=marker, label=labels[name])
        for name, (colour, marker) in looks.items()
    ]


def _certificates(rows: Sequence[CertifiedRow]) -> TextTable:
    solved = {(row["case"], row["seed"]): row for row in rows}.values()
    lines = [
        [
            row["case"],
            str(row["seed"]),
            "yes" if row["certified"] else f"no: {row['reason']}",
            *map(_power, (row["stationarity"], row["infeasibility"], row["sign_violation"], row["gap"])),
            f"{cell(row['active_size'], '.0f')} ({row['active_rank']}) of {row['rows_of_W']}",
            cell(row["ambiguous"], ".0f"),
            _power(row["dual_margin"]),
            _power(row["primal_margin"]),
            str(row["newton_steps"]),
            f"{row['seconds']:.2f}",
            cell(row.get("gradient_seconds"), ".2f"),
            _power(row.get("adjoint_residual")),
            cell(row.get("nearby_seconds"), ".2f"),
            "yes" if row["nonsmooth"] else "no",
        ]
        for row in solved
    ]
    text = (
        "Margins, relative: of the nearest active row to its bound, of the nearest other one to zero. "
        "Again: a solve from the last pair after W has moved by a thousandth of its norm."
    )
    return TextTable("Certificates", text, CERTIFICATE, lines)


def _errors(rows: Sequence[Differenced]) -> TextTable:
    columns = ("problem", "seed", "moves", *(f"{step:.0e}" for step in STEPS), "plateau", "nonsmooth")
    lines = [
        [
            row["case"],
            str(row["seed"]),
            row["moves"],
            *map(_power, row["errors"]),
            _power(row["error"]),
            "yes" if row["nonsmooth"] else "no",
        ]
        for row in rows
    ]
    text = (
        "Relative error of the closed form against central differences with step h. While a kink lies "
        "between the two ends the differences are of another function; below, rounding over h takes over."
    )
    return TextTable("Errors at every step", text, columns, lines)


def _kinks(rows: Sequence[Differenced]) -> TextTable:
    lines = [
        [row["case"], str(row["seed"]), str(number), *(cell(one, ".5f", "not certified") for one in sides)]
        for row in rows
        if row["nonsmooth"] or is_apart(row)
        for number, sides in enumerate(zip(row["left"], row["right"], row["closed_form"], strict=True), 1)
    ]
    text = "One-sided differences on the plateau, and the element that the closed form returns."
    if not lines:
        text = "No point was reported nonsmooth, and no kink lay nearer than the steps."
    return TextTable(
        "One-sided derivatives where the solution is not smooth",
        text,
        ("problem", "seed", "direction", "left", "right", "closed form"),
        lines,
    )


def _power(value: float | None) -> str:
    return cell(value, ".0e")
