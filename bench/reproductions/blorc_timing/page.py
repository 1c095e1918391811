"""The page of BLORC's timing experiment: its tables, the authors' figures, and the verdict."""

from collections.abc import Sequence

from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from .backward_share import BACKWARD_RULE, backward_shares
from .contestants import ACCURATE, CLOSED_FORM
from .figure import time_against_size
from .problem import BUDGET
from .rows import Quantity, TimedRow, quartiles_of
from .verdict import OUR_ACCURACY, RULE, compare_targets, verdict

QUESTION = (
    "Learned l1 regularisers for denoising (BLORC): does the closed form give the hypergradient faster than "
    "automatic differentiation and than general convex solvers? One piecewise-constant signal of length n "
    "(jump probability 0.1, heights uniform in [0, 1), noise 0.05), W = 0.1 (I - 11^T / n) with the weight "
    "absorbed, mean squared error, gradient by W, float64. All contestants have the same data and start "
    "cold. Ours are compiled, and cvxpy has analysed its problem, before the clock starts; both are handed "
    "the data with every call. Our solves (dual FISTA) stop at a relative KKT residual of "
    f"{BUDGET.tolerance:g}, chosen so that the closed form's error is at most {OUR_ACCURACY:g}; unrolling "
    f"takes the first of 10, 20, 40, ... steps with an error of at most {ACCURATE:g}; cvxpy and diffcp run "
    f"at their default tolerances and, where those miss {ACCURATE:g}, also at the loosest of 1e-8, 1e-10, "
    "1e-12 that does not. Contestants take turns round by round; times are medians; 'backward' is solve with "
    "gradient less solve, formed round by round (negative where the clock's noise is larger). Errors are "
    "relative to the theorem in projection form on a certified solution, from an SVD in numpy."
)
COLUMNS = (
    "contestant",
    "setting",
    "rel. error",
    "solve ms",
    "backward ms",
    "backward, quartiles",
    "total ms",
    "total / closed form",
)
# Seconds for 100 gradients, solves included, at n = k = 100.
AUTHORS = (("closed form", 1.182), ("PyTorch (autograd through the expression)", 1.343), ("cvxpy", 2.021))


def make_page(rows: Sequence[TimedRow]) -> Page:
    """Make the page from the rows of all sizes measured so far."""
    sizes = sorted({row["n"] for row in rows})
    tables = [_size_section(n, [row for row in rows if row["n"] == n]) for n in sizes]
    return Page(
        title="Closed-form gradients of learned l1 regularisers: the timing of BLORC",
        question=QUESTION,
        rule=RULE,
        sections=[*tables, _targets_section(rows), _backward_section(rows), _authors_section()],
        verdict=verdict(rows),
        figures={"time_against_size": time_against_size(rows)} if rows else {},
    )


def _size_section(n: int, rows: Sequence[TimedRow]) -> TextTable:
    """Return the table of one length; what could not be timed is named in the text above it."""
    missing = [f"{row['contestant']}: {row['status']} ({row['reason']})." for row in rows if row["reason"]]
    text = f"{rows[0]['active_rows']} of {n} rows are active. {_threads(rows[0])}"
    return TextTable(f"n = k = {n}", " ".join([text, *missing]), COLUMNS, [_line(row) for row in rows])


def _threads(row: TimedRow) -> str:
    bound = "The process was bound to one processor" if row["one_cpu"] else "The process was not bound"
    blas = row["blas_threads"]
    return f"{bound}; BLAS threads: {'unknown' if blas is None else blas}."


def _line(row: TimedRow) -> list[str]:
    backward = quartiles_of(row, "backward_seconds")
    over = None if row["contestant"] == CLOSED_FORM else quartiles_of(row, "total_ratio")
    return [
        row["contestant"],
        row["setting"] or row["status"],
        cell(row["relative_error"], ".1e"),
        _milliseconds(row, "solve_seconds"),
        _milliseconds(row, "backward_seconds"),
        "" if backward is None else " to ".join(_digits(1e3 * one) for one in (backward.q1, backward.q3)),
        _milliseconds(row, "total_seconds"),
        "1" if row["contestant"] == CLOSED_FORM else "" if over is None else _digits(over.median),
    ]


def _milliseconds(row: TimedRow, quantity: Quantity) -> str:
    timed = quartiles_of(row, quantity)
    return "" if timed is None else _digits(1e3 * timed.median)


def _digits(value: float) -> str:
    """Return three significant digits, never in scientific notation."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}" if abs(value) >= 0.01 else f"{value:.4f}"


def _targets_section(rows: Sequence[TimedRow]) -> TextTable:
    lines = []
    for one in compare_targets(rows):
        sign = "more than" if one.target.strictly else "at least"
        measured = "" if one.ratio is None else f"{one.ratio:.2f}"
        lines.append([one.target.claim, f"{sign} {one.target.demanded:g}", measured, one.outcome])
    text = "Contestant's time over the closed form's, at n = k = 100 and equal accuracy."
    return TextTable("Targets", text, ("target", "demanded", "measured", "verdict"), lines)


def _backward_section(rows: Sequence[TimedRow]) -> TextTable:
    lines = [
        [str(one.n), one.contestant, "" if one.share is None else f"{one.share:.2f}", one.outcome]
        for one in backward_shares(rows)
    ]
    columns = ("n = k", "contestant", "closed form / contestant", "verdict")
    return TextTable("The backward pass at every length", BACKWARD_RULE, columns, lines)


def _authors_section() -> TextTable:
    text = (
        "From the output stored in the authors' released notebook, on their machine: seconds for 100 "
        "gradients at n = k = 100, each with its forward solve by cvxpy. 'PyTorch' there differentiates the "
        "closed-form expression, 'cvxpy' is diffcp. Not measured here, and not comparable in absolute terms."
    )
    closed = AUTHORS[0][1]
    lines = [[name, f"{seconds:.3f}", f"{seconds / closed:.2f}"] for name, seconds in AUTHORS]
    return TextTable("The authors' figures", text, ("contestant", "s per 100", "over closed form"), lines)
