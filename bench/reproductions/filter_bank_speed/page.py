"""The page of `FilterBankSpeed`, from its rows alone."""

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from .measure import STEPS
from .rows import BankRow

TARGET = 0.6

_QUESTION = (
    "A bank of filters and its adjoint are most of what a solver does on images. `FilterBank` on b images of "
    "h x h pixels, k filters of s x s entries, circular, float32, is timed against PyTorch's conv2d and "
    "conv_transpose2d behind the same padding, in rounds that interleave both: each operator alone, and in "
    f"{STEPS} steps of a descent, ours inside a compiled while loop, torch's in a Python loop."
)
_RULE = (
    f"A case meets the target if our seconds are at most {TARGET} of torch's, as the median of the ratios "
    "formed round by round, for forward and adjoint together and for the loop. Torch runs with all CPUs, "
    "as XLA does, and with one thread, and the larger of the two ratios counts: where something else runs "
    "on the machine, threads that wait for each other make it slow, and that is no merit of ours."
)


class ComparedBank(NamedTuple):
    """A case with its ratios to torch, alone and in the loop."""

    case: str
    alone: float
    loop: float


def make_page(rows: Sequence[BankRow]) -> Page:
    """Make the tables, the verdict and the figure of the rows measured so far."""
    compared = [one for row in rows if (one := _compared(row)) is not None]
    sections = [_versus_torch(rows), _versus_limit(rows)]
    figures = {"ratios": _figure(compared)} if compared else {}
    return Page("Speed of a bank of filters", _QUESTION, _RULE, sections, _verdict(compared), figures)


def _versus_torch(rows: Sequence[BankRow]) -> TextTable:
    lines = [
        [
            row["case"],
            _scaled(row.get("forward_seconds"), 1e3),
            _scaled(row.get("adjoint_seconds"), 1e3),
            _scaled(row.get("loop_seconds"), 1e3 / STEPS),
            _scaled(row.get("torch_forward_seconds"), 1e3),
            _scaled(row.get("torch_adjoint_seconds"), 1e3),
            _scaled(row.get("torch_loop_seconds"), 1e3 / STEPS),
            _scaled(row.get("ratio_alone")),
            _scaled(row.get("ratio_loop")),
            _scaled(row.get("ratio_alone_same_threads")),
            _scaled(row.get("ratio_loop_same_threads")),
        ]
        for row in rows
    ]
    columns = ["case", "forward (ms)", "adjoint (ms)", "step (ms)"]
    columns += ["torch forward (ms)", "torch adjoint (ms)", "torch step (ms)"]
    columns += ["ratio alone", "ratio in the loop", "alone, same threads", "in the loop, same threads"]
    reasons = sorted({f"{row['case']}: {row['reason']}" for row in rows if row["reason"]})
    text = "Times of torch are those with as many threads as ours. Medians; a ratio below 1 is in our favour."
    return TextTable(
        "Against PyTorch", " ".join([text, *(f"{reason}." for reason in reasons)]), columns, lines
    )


def _versus_limit(rows: Sequence[BankRow]) -> TextTable:
    lines = [
        [
            row["case"],
            row["form"],
            _scaled(row["gflop"]),
            _scaled(row["bytes"], 1e-6),
            _scaled(row.get("limit_seconds"), 1e3),
            _scaled(row.get("alone_over_limit")),
            _scaled(row.get("loop_over_limit")),
            _scaled(row["compile_seconds"]),
        ]
        for row in rows
    ]
    text = (
        "The limit is the larger of two times: the operations at the speed of a matrix product of 1024 x "
        "1024, and the bytes of operands and results at the speed of passes over 64 MiB, both measured in "
        "the same rounds. Alone, an operator also pays for the pages of its result, which the limit "
        "leaves out."
    )
    columns = ["case", "form", "GFLOP", "MB", "limit (ms)", "alone / limit", "step / limit", "compile (s)"]
    return TextTable("Against the machine", text, columns, lines)


def _verdict(compared: Sequence[ComparedBank]) -> str:
    if not compared:
        return "None: no case was compared with torch."
    missed = [one for one in compared if max(one.alone, one.loop) > TARGET]
    verdict = f"{len(compared) - len(missed)} of {len(compared)} cases meet the target of {TARGET}."
    if not missed:
        return verdict
    named = [f"{one.case} ({one.alone:.3g} alone, {one.loop:.3g} in the loop)" for one in missed]
    return f"{verdict} Missed: {', '.join(named)}."


def _figure(compared: Sequence[ComparedBank]) -> Figure:
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    alone, loop = [one.alone for one in compared], [one.loop for one in compared]
    for offset, (values, name, colour) in enumerate(
        ((alone, "forward and adjoint", "#0072B2"), (loop, "step in a loop", "#D55E00"))
    ):
        places = [index + 0.38 * (offset - 0.5) for index in range(len(compared))]
        axes.bar(places, values, width=0.36, color=colour, label=name)
    axes.axhline(TARGET, color="black", linestyle="--", linewidth=1, label=f"target {TARGET}")
    axes.set_xticks(range(len(compared)), [one.case.replace(" ", "\n") for one in compared])
    axes.set_ylabel("our seconds over torch's")
    axes.legend(frameon=False)
    return figure


def _compared(row: BankRow) -> ComparedBank | None:
    alone, loop = row.get("ratio_alone"), row.get("ratio_loop")
    return None if alone is None or loop is None else ComparedBank(row["case"], alone, loop)


def _scaled(value: float | int | None, scale: float = 1.0) -> str:
    return cell(None if value is None else scale * value, ".3g", "-")
