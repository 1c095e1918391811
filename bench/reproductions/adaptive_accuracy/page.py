"""The page of adaptive accuracy: what each contestant reached with the same work, and the verdict."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...records.status import Status
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS, add_legend, in_lines
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from .rows import ADAPTIVE, FIXED, GRANTED, JUDGED, TrainedRow

MARGIN = 0.01
QUESTION = (
    "Does choosing the accuracy of lower level and adjoint step by step pay? Fields of experts are trained "
    "to denoise crops of photographs, mean squared error, float64, by gradient steps with a line search: "
    "MAID begins at several accuracies and certifies that each step lowers the loss; the others keep one "
    "tolerance of both solves and take what they computed for the loss. Inexact SGD draws a batch of two "
    "and follows schedules. Everybody is given the same work: gradients of energies and Hessian products, "
    "summed over the training crops; of MAID's error bounds the gradient at the end of each solve is "
    "counted, all else is not. PSNR is the mean over as many crops of other photographs; it and the "
    f"training loss are those of solutions to a relative residual of {JUDGED:g}."
)
RULE = (
    "The well-chosen fixed tolerance is the one with the lowest training loss when the work is done; test "
    f"images choose nothing. The claim is that MAID ends at most {MARGIN:g} dB above it in test PSNR, from "
    f"whatever accuracy it begins, and at most {MARGIN:g} dB below it, so that the accuracy need not be "
    f"known; and that it would have to be known, as some other fixed tolerance ends more than {MARGIN:g} dB "
    "below it. Beside that, no step that MAID has taken may have raised the training loss, by more than "
    f"{GRANTED:g} of it, which the solutions that judge may hide. Only contestants whose work ran out count, "
    "not those whose steps did. Inexact SGD is shown and not judged."
)


def make_page(rows: Sequence[TrainedRow]) -> Page:
    """Make the page from the rows of all cases measured so far."""
    targets = count_targets(rows)
    cases = list(dict.fromkeys(row["case"] for row in rows))
    return Page(
        title="Adaptive accuracy: training with MAID and inexact SGD against fixed tolerances",
        question=QUESTION,
        rule=RULE,
        sections=[targets_section(targets), *(_table(case, _of(rows, case)) for case in cases)],
        verdict=counted_verdict(targets),
        figures={"psnr_against_work": _figure(_of(rows, cases[0]))} if rows else {},
    )


def count_targets(rows: Sequence[TrainedRow]) -> list[Counted]:
    """Apply the rule."""
    last = [row for row in rows if row["share"] == 1]
    judged = [row for row in last if row["status"] == Status.OK.value]
    gaps: list[float] = []
    spreads: list[float] = []
    for case in dict.fromkeys(row["case"] for row in judged):
        fixed = [row for row in _of(judged, case) if row["kind"] == FIXED]
        if fixed:
            best = min(fixed, key=_loss)
            gaps += [_psnr(row) - _psnr(best) for row in _of(judged, case) if row["kind"] == ADAPTIVE]
            spreads.append(_psnr(best) - min(map(_psnr, fixed)))
    missing = f"{len(last) - len(judged)} not ok" if len(judged) < len(last) else ""
    adaptive = [row for row in last if row["kind"] == ADAPTIVE]
    taken, risen = (sum(row[key] for row in adaptive) for key in ("taken", "risen"))
    return [
        Counted(
            f"adaptive accuracy gains at most {MARGIN:g} dB on the well-chosen fixed one",
            sum(gap <= MARGIN for gap in gaps),
            len(gaps),
            f"largest gain {max(gaps):+.3f} dB" if gaps else "",
            missing,
        ),
        Counted(
            f"it loses at most {MARGIN:g} dB, from every start",
            sum(gap >= -MARGIN for gap in gaps),
            len(gaps),
            f"largest loss {min(gaps):+.3f} dB" if gaps else "",
            missing,
        ),
        Counted(
            f"an ill-chosen fixed one loses more than {MARGIN:g} dB",
            sum(spread > MARGIN for spread in spreads),
            len(spreads),
            f"{min(spreads):.3f} to {max(spreads):.3f} dB" if spreads else "",
            missing,
        ),
        Counted("a certified step lowers the training loss", taken - risen, taken, f"{risen} raised it"),
    ]


def _table(case: str, rows: Sequence[TrainedRow]) -> TextTable:
    lines = [
        [
            row["contestant"],
            f"{row['steps']}",
            f"{row['taken']}",
            f"{row['risen']}",
            f"{row['gradients']}",
            f"{row['products']}",
            cell(row["training_loss"], ".4e", "none"),
            cell(row["test_psnr"], ".3f", "none"),
            f"{row['status']}{': ' * bool(row['reason'])}{row['reason']}",
        ]
        for row in rows
        if row["share"] == 1
    ]
    columns = (
        "contestant",
        "steps",
        "taken",
        "raised",
        "gradients",
        "products",
        "training loss",
        "test PSNR",
        "status",
    )
    text = f"When the work is done; the start has a test PSNR of {rows[0]['start_psnr']:.3f} dB."
    return TextTable(case, text, columns, lines, words=("status",))


def _figure(rows: Sequence[TrainedRow]) -> Figure:
    """Draw the first case: test PSNR against the work done so far."""
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(dict.fromkeys(row["contestant"] for row in rows)):
        here = [row for row in rows if row["contestant"] == name and row["test_psnr"] is not None]
        axes.plot(
            [max(row["gradients"] + row["products"], 1) for row in here],
            [_psnr(row) for row in here],
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[number % len(MARKERS)],
            markersize=4,
            linestyle="-" if here and here[0]["kind"] == ADAPTIVE else "--",
            label=name,
        )
    axes.set(xscale="log", xlabel="gradients and Hessian products", ylabel="test PSNR, dB")
    axes.set_title(in_lines(axes, rows[0]["case"]))
    axes.grid(alpha=0.3, linewidth=0.5)
    add_legend(figure, axes.get_lines())
    return figure


def _of(rows: Sequence[TrainedRow], case: str) -> list[TrainedRow]:
    return [row for row in rows if row["case"] == case]


def _psnr(row: TrainedRow) -> float:
    value = row["test_psnr"]
    return float("nan") if value is None else value


def _loss(row: TrainedRow) -> float:
    value = row["training_loss"]
    return float("inf") if value is None else value
