"""Deep equilibrium against bilevel learning: the hypergradients of two conditions."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ....problems import Deconvolution, Denoising, Inpainting, LogCosh, PseudoHuber
from ....problems.values.configuration import configuration
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS
from ...report.text_table import TextTable
from ..counted import Counted, counted_verdict, targets_section
from ..finding import ClaimFinding, finding_of
from ..rows import RecordedRow, read_rows
from ..smooth_cases import SmoothCase
from .measure import CONTRASTS, FACTOR, ROUNDING, ComparedRow, compare_conditions

CASES = (
    SmoothCase(Denoising(), 12, PseudoHuber()),
    SmoothCase(Inpainting(), 12, LogCosh()),
    SmoothCase(Deconvolution(), 12, PseudoHuber()),
    SmoothCase(Denoising(), 24, LogCosh()),
)
QUICK_CASES = (SmoothCase(Denoising(), 8, PseudoHuber()),)
COLUMNS = (
    "rule",
    "tolerance",
    "solver's residual",
    "adjoint residuals",
    "contraction",
    "bound",
    "difference",
)

RULE = (
    "Both rules look back from the same iterate of gradient descent, so that only their linear solvers can "
    f"set them apart. They agree to solver accuracy if the relative difference is at most {FACTOR:g} times "
    f"the sum of both adjoint residuals (and {ROUNDING:g} of rounding) over one minus the contraction "
    "factor, which bounds what a residual leaves of an error. Claim C1 holds if every row does; one step "
    "and a damping of 0.01 are the contrast and must not, at the tightest tolerance."
)

SETTING = "fields of experts on three tasks, 12 x 12 and 24 x 24 pixels, float64, one crop each"
FINDING_RULE = "Holds if both hypergradients agree to solver accuracy on every row, else it does not hold."


@configuration
class DeqVersusBilevel:
    """Is a bilevel problem's hypergradient that of the deep equilibrium of its gradient descent?

    Source: Riccio, Ehrhardt and Benning, 2022, claim C1 (an untied filter bank aside).
    """

    def cases(self, quick: bool) -> Sequence[SmoothCase]:
        """Return tasks, sizes and potentials."""
        return QUICK_CASES if quick else CASES

    def measure(self, case: SmoothCase, quick: bool) -> list[ComparedRow]:
        """Compare both at every tolerance, with several linear solvers."""
        return compare_conditions(case, quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return tables, figure and verdict."""
        found = read_rows(rows, ComparedRow)
        targets = count_targets(found)
        cases = dict.fromkeys(row["case"] for row in found)
        return Page(
            title="Deep equilibrium against bilevel: two conditions, one hypergradient",
            question=(
                "Gradient descent on a fields-of-experts energy has the minimiser as its fixed point. Is "
                "differentiating the fixed point (deep equilibrium, I - J^T) the same as differentiating "
                "the optimality condition (bilevel, the Hessian, conjugate gradients)? Differences are "
                "relative, of the hypergradient by all filters and weights; solver and adjoint stop at the "
                "same tolerance. float64, photographs, mean squared error."
            ),
            rule=RULE,
            sections=[
                targets_section(targets),
                *(_table(case, [row for row in found if row["case"] == case]) for case in cases),
            ],
            verdict=counted_verdict(targets),
            figures={"difference_against_residual": _figure(found)} if found else {},
        )

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the finding on claim C1."""
        agreement = count_targets(read_rows(rows, ComparedRow))[:1]
        return [finding_of("C1", FINDING_RULE, SETTING, agreement)]


def count_targets(rows: Sequence[ComparedRow]) -> list[Counted]:
    """Apply the rule."""
    same = [row for row in rows if row["rule"] not in CONTRASTS]
    contrast = [row for row in rows if row["rule"] in CONTRASTS and row["tightest"]]
    worst = max((row["difference"] / row["bound"] for row in same), default=0.0)
    least = min((row["difference"] for row in contrast), default=0.0)
    return [
        Counted(
            "both conditions give the same hypergradient, to solver accuracy",
            sum(row["difference"] <= row["bound"] for row in same),
            len(same),
            f"at most {worst:.1g} of the bound",
        ),
        Counted(
            "one step and damping do not",
            sum(row["difference"] > row["bound"] for row in contrast),
            len(contrast),
            f"at least {least:.1g} off",
        ),
    ]


def _table(case: str, rows: Sequence[ComparedRow]) -> TextTable:
    lines = [
        [
            row["rule"],
            f"{row['tolerance']:.0e}",
            f"{row['residual']:.1e}",
            f"{row['bilevel_residual']:.1e}, {row['adjoint_residual']:.1e}",
            f"{row['contraction']:.4f}",
            f"{row['bound']:.1e}",
            f"{row['difference']:.1e}",
        ]
        for row in rows
    ]
    return TextTable(case, "", COLUMNS, lines)


def _figure(rows: Sequence[ComparedRow]) -> Figure:
    """Draw the difference against the tolerance: one colour per rule, one marker per problem."""
    figure = Figure(figsize=(6.5, 4.6), layout="constrained")
    axes = figure.subplots()
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for number, rule in enumerate(dict.fromkeys(row["rule"] for row in rows)):
        for which, case in enumerate(cases):
            here = [row for row in rows if (row["rule"], row["case"]) == (rule, case)]
            axes.plot(
                [row["tolerance"] for row in here],
                [max(row["difference"], 1e-16) for row in here],
                color=COLOURS[number],
                marker=MARKERS[which],
                linewidth=1,
                label=rule if not which else None,
            )
    tolerances = sorted({row["tolerance"] for row in rows})
    axes.plot(tolerances, tolerances, color="0.5", linestyle=":", label="equal to the tolerance")
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="tolerance of the solver and of the adjoint",
        ylabel="relative difference from the bilevel hypergradient",
    )
    axes.grid(alpha=0.3, linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)
    return figure
