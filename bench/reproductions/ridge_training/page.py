"""The page: qualities on the test images, curves, and the verdict by a rule."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...records.status import Status
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS, in_lines
from ...report.text_table import TextTable
from ...restoring.quality import SETTINGS
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from .problem import FULL, KINDS, TAKEN
from .rows import BASELINE, LEARNED, CurveRow, QualityRow, RidgeRows
from .training import IMPLICIT, LOOKED, ONE_STEP

MARGIN, WORSE = 1.0, 0.1
"""dB above total variation, and dB by which one gradient is worse than another."""
TOTAL_VARIATIONS = "tv", "tv-isotropic"
QUESTION = (
    "Ridge regularisers (CRR is convex, WCRR weakly convex) are trained from random filters to denoise crops "
    "of the training photographs in scikit-image's wheel, grey, noise 25/255, mean squared error, float32: "
    f"channels 1-{'-'.join(map(str, FULL.counts))}, filters {FULL.filter_side} x {FULL.filter_side}, batches "
    f"of {FULL.batch} crops of {FULL.side} x {FULL.side}, Adam. Both gradients see the same batches and get "
    f"equal time, in turns; compiling and looks do not count. Implicit ones solve the adjoint equation by "
    "MINRES to 1e-3; one-step ones are the derivative of one gradient step of length 1/L at the solution "
    "(Jacobian-free). Lower levels are solved by L-BFGS from each crop's last solution to a relative "
    f"residual of {LOOKED.tolerance:g}. Weights of the baselines are tuned on crops of the same photographs. "
    f"All restore the same measurements: the middle of each test image, at most {FULL.tested_side} pixels "
    "along each side."
)
RULE = (
    f"A ridge regulariser trained with implicit gradients meets the target if its mean PSNR is at least "
    f"{MARGIN:g} dB above that of the better of the two total variations. One-step gradients are worse where "
    f"they end at least {WORSE:g} dB below implicit ones after equal time, on the test images; the table has "
    "the difference, whichever its sign. Only rows that are ok count: every solve of a test image "
    f"converged, training went on to its end with at least {TAKEN:.0%} of its steps taken, and a tuned "
    "weight is not the last one tried and rests on solves that converged."
)


def make_page(rows: RidgeRows) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(rows.tests)
    return Page(
        title="Ridge regularisers trained on photographs, with implicit and with one-step gradients",
        question=QUESTION,
        rule=RULE,
        sections=[targets_section(targets), *([_table(rows.tests)] if rows.tests else [])],
        verdict=counted_verdict(targets),
        figures={"psnr_against_seconds": _figure(rows)} if rows.curves else {},
    )


def count_targets(rows: Sequence[QualityRow]) -> list[Counted]:
    """Apply the rule."""
    best = _total_variation(rows)
    gains, losses = {}, {}
    for kind in KINDS:
        implicit, one_step = (_learned(rows, kind, gradient) for gradient in (IMPLICIT, ONE_STEP))
        if implicit is not None and best is not None:
            gains[kind] = implicit - best
        if implicit is not None and one_step is not None:
            losses[kind] = implicit - one_step
    missing = sum(row["status"] != Status.OK.value for row in rows)
    left_out = f"{missing} not ok" if missing else ""
    return [
        Counted(
            f"trained with implicit gradients it is at least {MARGIN:g} dB above total variation",
            sum(gain >= MARGIN for gain in gains.values()),
            len(gains),
            _shown(gains),
            left_out,
        ),
        Counted(
            f"one-step gradients end at least {WORSE:g} dB below implicit ones",
            sum(loss >= WORSE for loss in losses.values()),
            len(losses),
            _shown({kind: -loss for kind, loss in losses.items()}),
            left_out,
        ),
    ]


def _shown(differences: dict[str, float]) -> str:
    return ", ".join(f"{kind} {value:+.2f} dB" for kind, value in differences.items())


def _total_variation(rows: Sequence[QualityRow]) -> float | None:
    """Return the PSNR of the better total variation; None unless both were measured."""
    found = [
        row["psnr"]
        for row in rows
        if row["kind"] == BASELINE
        and row["regularizer"] in TOTAL_VARIATIONS
        and row["status"] == Status.OK.value
    ]
    known = [psnr for psnr in found if psnr is not None]
    return max(known) if len(known) == len(TOTAL_VARIATIONS) else None


def _learned(rows: Sequence[QualityRow], kind: str, gradient: str) -> float | None:
    for row in rows:
        chosen = (row["kind"], row["regularizer"], row["gradient"]) == (LEARNED, kind, gradient)
        if chosen and row["status"] == Status.OK.value:
            return row["psnr"]
    return None


def _table(rows: Sequence[QualityRow]) -> TextTable:
    best = _total_variation(rows)
    lines = [
        [
            row["contestant"],
            cell(row["weight"], ".3g"),
            str(row["steps"] or ""),
            str(row["not_taken"]) if row["steps"] else "",
            cell(row["seconds"] or None, ".0f"),
            cell(row["psnr"], ".2f", "none"),
            "" if best is None or row["psnr"] is None else f"{row['psnr'] - best:+.2f}",
            cell(row["ssim"], ".4f", "none"),
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
        ]
        for row in rows
    ]
    columns = ("contestant", "weight", "steps", "not taken", "s", "PSNR", "above TV", "SSIM", "status")
    tested = f"{rows[0]['images']} test images: {rows[0]['data']}."
    return TextTable("Test images", tested, columns, lines, ("status",), remarks=(SETTINGS,))


def _figure(rows: RidgeRows) -> Figure:
    """Draw the PSNR of held-out crops against the seconds of training, one panel for each regulariser."""
    cases = list(dict.fromkeys(row["case"] for row in rows.curves))
    figure = Figure(figsize=(5.5 * len(cases), 4.2), layout="constrained")
    for axes, case in zip(figure.subplots(1, len(cases), squeeze=False)[0], cases, strict=True):
        here = [row for row in rows.curves if row["case"] == case]
        for number, name in enumerate(dict.fromkeys(row["contestant"] for row in here)):
            points = [one for one in here if one["contestant"] == name]
            axes.plot(
                [one["seconds"] for one in points],
                [_number(one) for one in points],
                color=COLOURS[number],
                marker=MARKERS[number],
                markersize=4,
                linewidth=1,
                label=name,
            )
        axes.set(xlabel="seconds of training", ylabel="PSNR of held-out crops (dB)")
        axes.set_title(in_lines(axes, case), fontsize=9)
        axes.grid(alpha=0.3, linewidth=0.5)
        axes.legend(fontsize=8, frameon=False)
    return figure


def _number(row: CurveRow) -> float:
    psnr = row["held_out_psnr"]
    return float("nan") if psnr is None else psnr
