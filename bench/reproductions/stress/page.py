"""The page of hard problems: the matrix, what is silently wrong and why."""

from collections import Counter
from collections.abc import Sequence

from ...records.status import Status
from ...report.page import Page
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import counted_verdict, targets_section
from .figure import matrix_figure
from .rows import Looked, StressRow, is_judged
from .verdict import RULE, SILENT, count_targets, warnings, word

QUESTION = (
    "Which rules are wrong on hard problems, and do they say so? Each problem is small and hard for one "
    "known reason. The loss is a mean squared error, differentiated along one to three directions of the "
    "parameters; its true derivative comes from differences of solutions to rounding on either side "
    "(Newton's method for smooth energies, certified solutions for l1), or from a formula. Rules look back "
    "from gradient descent (SHINE: L-BFGS) or, on l1, from dual FISTA (denoising) and ADMM; those that use "
    "every step make as many as the problem's budget says."
)
PROBLEM_COLUMNS = ("problem", "hard by", "derivative from the left", "from the right", "truth settled to")
SILENT_COLUMNS = (
    "problem",
    "rule",
    "relative error",
    "gradient",
    "residual",
    "adjoint residual",
    "contraction",
    "error bound",
    "second look",
)


def make_page(rows: Sequence[StressRow]) -> Page:
    """Make the page from the rows of all problems measured so far."""
    targets = count_targets(rows)
    words = {(row["method"], row["problem"]): word(row, rows) for row in rows}
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    return Page(
        title="Stress: problems on which hypergradients fail",
        question=QUESTION,
        rule=RULE,
        sections=[
            targets_section(targets),
            _problems(rows),
            *(_matrix(kind, [row for row in rows if row["kind"] == kind], words) for kind in kinds),
            _silent(rows, words),
            _reasons(rows),
        ],
        verdict=counted_verdict(targets),
        figures={f"words_{kind}": matrix_figure(*_axes(rows, kind), words) for kind in kinds},
    )


def _axes(rows: Sequence[StressRow], kind: str) -> tuple[list[str], list[str]]:
    """Return the rules that support a problem of a kind, and those problems."""
    here = [row for row in rows if row["kind"] == kind]
    methods = [row["method"] for row in here if row["status"] != Status.NOT_SUPPORTED.value]
    return list(dict.fromkeys(methods)), list(dict.fromkeys(row["problem"] for row in here))


def _problems(rows: Sequence[StressRow]) -> TextTable:
    lines = []
    for problem in dict.fromkeys(row["problem"] for row in rows):
        one = next(row for row in rows if row["problem"] == problem)
        sides = _entries(one["left"]), _entries(one["right"])
        lines.append([problem, one["why"], *sides, cell(one["truth_error"], ".0e", "the process ended")])
    return TextTable("Problems", "", PROBLEM_COLUMNS, lines)


def _matrix(kind: str, rows: Sequence[StressRow], words: dict[tuple[str, str], str]) -> TextTable:
    methods, problems = _axes(rows, kind)
    lines = [[method, *(words.get((method, problem), "") for problem in problems)] for method in methods]
    title = "Smooth energies" if kind == "smooth" else "l1"
    return TextTable(f"{title}: one word a rule and problem", "", ("rule", *problems), lines)


def _silent(rows: Sequence[StressRow], words: dict[tuple[str, str], str]) -> TextTable:
    wrong = [row for row in rows if is_judged(row) and words[row["method"], row["problem"]] == SILENT]
    lines = [
        [
            row["problem"],
            row["method"],
            f"{_power(row['error'])}{' (between the sides)' if row['kink'] and row['element'] else ''}",
            _entries(row["gradient"] or []),
            _power(row["residual"]),
            _power(row["adjoint_residual"]),
            _power(row["contraction"]),
            _power(row["error_bound"]),
            _power(row.get("change")),
        ]
        for row in wrong
    ]
    text = "Wrong, and nothing in the record says so; the problem's line above says what is hard."
    return TextTable("Silently wrong", text if wrong else "No row.", SILENT_COLUMNS, lines)


def _reasons(rows: Sequence[StressRow]) -> TextTable:
    """List what flagged rows warn of, counted, and the sentences of rules that do not apply."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if not is_judged(row):
            counts[row["problem"], f"{row['status']}: {row['reason']}"] += 1
            continue
        for one in warnings(row):
            # The number varies from rule to rule; what warns does not.
            kind = " ".join(part for part in one.split() if not part[0].isdigit())
            counts[row["problem"], f"warns: {kind}"] += 1
    lines = [[problem, reason, str(count)] for (problem, reason), count in counts.items()]
    return TextTable("Warnings and sentences", "", ("problem", "what the records say", "rows"), lines)


def _entries(values: Sequence[float]) -> str:
    return " ".join(f"{value:.3g}" for value in values)


def _power(value: Looked) -> str:
    return cell(value, ".1e", "none")
