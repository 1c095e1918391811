"""The page of `FilterBankSpeed`, from its rows alone."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from ...report.page import Page, Section
from ..reproduction import Row

TARGET = 0.6
STEPS = 4

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


def make_page(rows: Sequence[Row]) -> Page:
    """Make the tables, the verdict and the figure of the rows measured so far."""
    sections = [_versus_torch(rows), _versus_limit(rows)]
    figures = {"ratios": _figure(rows)} if any(_compared(row) for row in rows) else {}
    return Page("Speed of a bank of filters", _QUESTION, _RULE, sections, _verdict(rows), figures)


def _versus_torch(rows: Sequence[Row]) -> Section:
    lines = [
        [
            str(row["case"]),
            *(_milliseconds(row, name) for name in ("forward", "adjoint", "loop")),
            *(_milliseconds(row, f"torch_{name}") for name in ("forward", "adjoint", "loop")),
            *(_number(row, f"ratio_{kind}") for kind in ("alone", "loop")),
            *(_number(row, f"ratio_{kind}_same_threads") for kind in ("alone", "loop")),
        ]
        for row in rows
    ]
    columns = ["case", "forward (ms)", "adjoint (ms)", "step (ms)"]
    columns += ["torch forward (ms)", "torch adjoint (ms)", "torch step (ms)"]
    columns += ["ratio alone", "ratio in the loop", "alone, same threads", "in the loop, same threads"]
    reasons = sorted({f"{row['case']}: {row['reason']}" for row in rows if row.get("reason")})
    text = "Times of torch are those with as many threads as ours. Medians; a ratio below 1 is in our favour."
    return Section("Against PyTorch", " ".join([text, *(f"{reason}." for reason in reasons)]), columns, lines)


def _versus_limit(rows: Sequence[Row]) -> Section:
    lines = [
        [
            str(row["case"]),
            str(row.get("form", "")),
            _number(row, "gflop"),
            _number(row, "bytes", 1e-6),
            _number(row, "limit_seconds", 1e3),
            _number(row, "alone_over_limit"),
            _number(row, "loop_over_limit"),
            _number(row, "compile_seconds"),
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
    return Section("Against the machine", text, columns, lines)


def _verdict(rows: Sequence[Row]) -> str:
    compared = [row for row in rows if _compared(row)]
    if not compared:
        return "None: no case was compared with torch."
    met = [row for row in compared if max(_value(row, "ratio_alone"), _value(row, "ratio_loop")) <= TARGET]
    missed = [
        f"{row['case']} ({_number(row, 'ratio_alone')} alone, {_number(row, 'ratio_loop')} in the loop)"
        for row in compared
        if row not in met
    ]
    verdict = f"{len(met)} of {len(compared)} cases meet the target of {TARGET}."
    return f"{verdict} Missed: {', '.join(missed)}." if missed else verdict


def _figure(rows: Sequence[Row]) -> Figure:
    drawn = [row for row in rows if _compared(row)]
    figure = Figure(figsize=(7, 3.5), layout="constrained")
    axes = figure.add_subplot()
    for offset, (kind, name, colour) in enumerate(
        (("alone", "forward and adjoint", "#0072B2"), ("loop", "step in a loop", "#D55E00"))
    ):
        places = [index + 0.38 * (offset - 0.5) for index in range(len(drawn))]
        values = [_value(row, f"ratio_{kind}") for row in drawn]
        axes.bar(places, values, width=0.36, color=colour, label=name)
    axes.axhline(TARGET, color="black", linestyle="--", linewidth=1, label=f"target {TARGET}")
    axes.set_xticks(range(len(drawn)), [str(row["case"]).replace(" ", "\n") for row in drawn])
    axes.set_ylabel("our seconds over torch's")
    axes.legend(frameon=False)
    return figure


def _compared(row: Row) -> bool:
    return row.get("ratio_alone") is not None and row.get("ratio_loop") is not None


def _value(row: Row, name: str) -> float:
    value = row[name]
    assert isinstance(value, int | float)
    return float(value)


def _milliseconds(row: Row, name: str) -> str:
    return _number(row, f"{name}_seconds", 1e3 / (STEPS if name.endswith("loop") else 1))


def _number(row: Row, name: str, scale: float = 1.0) -> str:
    return "-" if row.get(name) is None else f"{_value(row, name) * scale:.3g}"
