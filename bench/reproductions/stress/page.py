"""The page of hard problems: the matrix, what is silently wrong and why."""

from collections.abc import Sequence
from typing import Any

from ...report.page import Page, Section
from ..counted import counted_verdict, targets_section
from ..reproduction import Row
from .figure import matrix_figure
from .verdict import RULE, SILENT, UNSUPPORTED, judge, warnings, word

QUESTION = (
    "Which rules are wrong on hard problems, and do they say so? Each problem is small and hard for one "
    "known reason. The loss is a mean squared error, differentiated along one to three directions of the "
    "parameters; its true derivative comes from differences of solutions to rounding on either side "
    "(Newton's method for smooth energies, certified solutions for l1), or from a formula. Rules look back "
    "from gradient descent (SHINE: L-BFGS) or, on l1, from dual FISTA (denoising) and ADMM; those that use "
    "every step make as many as the problem's budget says."
)
PROBLEM_COLUMNS = ("problem", "hard by", "derivative from the left", "from the right", "truth settled to")
NUMBERS = ("residual", "adjoint_residual", "contraction", "error_bound", "change")
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


def make_page(rows: Sequence[Row]) -> Page:
    """Make the page from the rows of all problems measured so far."""
    found: list[Any] = list(rows)
    judged = judge(rows)
    words = {(row["method"], row["problem"]): word(row, rows) for row in found}
    kinds = list(dict.fromkeys(row["kind"] for row in found))
    return Page(
        title="Stress: problems on which hypergradients fail",
        question=QUESTION,
        rule=RULE,
        sections=[
            targets_section(judged),
            _problems(found),
            *(_matrix(kind, [row for row in found if row["kind"] == kind], words) for kind in kinds),
            _silent(found, words),
            _reasons(found),
        ],
        verdict=counted_verdict(judged),
        figures={f"words_{kind}": matrix_figure(*_axes(found, kind), words) for kind in kinds},
    )


def _axes(rows: Sequence[Any], kind: str) -> tuple[list[str], list[str]]:
    """Return the rules that support a problem of a kind, and those problems."""
    here = [row for row in rows if row["kind"] == kind]
    methods = [row["method"] for row in here if row["status"] != UNSUPPORTED.replace(" ", "_")]
    return list(dict.fromkeys(methods)), list(dict.fromkeys(row["problem"] for row in here))


def _problems(rows: Sequence[Any]) -> Section:
    lines = []
    for problem in dict.fromkeys(row["problem"] for row in rows):
        one = next(row for row in rows if row["problem"] == problem)
        sides = [" ".join(f"{value:.3g}" for value in one[side]) for side in ("left", "right")]
        lines.append([problem, one["why"], *sides, f"{one['truth_error']:.0e}"])
    return Section("Problems", "", PROBLEM_COLUMNS, lines)


def _matrix(kind: str, rows: Sequence[Any], words: dict[tuple[str, str], str]) -> Section:
    methods, problems = _axes(rows, kind)
    lines = [[method, *(words.get((method, problem), "") for problem in problems)] for method in methods]
    title = "Smooth energies" if kind == "smooth" else "l1"
    return Section(f"{title}: one word a rule and problem", "", ("rule", *problems), lines)


def _silent(rows: Sequence[Any], words: dict[tuple[str, str], str]) -> Section:
    wrong = [row for row in rows if words[row["method"], row["problem"]] == SILENT]
    lines = [
        [
            row["problem"],
            row["method"],
            f"{row['error']:.1e}{' (between the sides)' if row['kink'] and row['element'] else ''}",
            " ".join(f"{value:.3g}" for value in row["gradient"]),
            *(_power(row.get(name)) for name in NUMBERS),
        ]
        for row in wrong
    ]
    text = "Wrong, and nothing in the record says so; the problem's line above says what is hard."
    return Section("Silently wrong", text if wrong else "No row.", SILENT_COLUMNS, lines)


def _reasons(rows: Sequence[Any]) -> Section:
    """List what flagged rows warn of, counted, and the sentences of rules that do not apply."""
    counts: dict[tuple[str, str], int] = {}
    for row in rows:
        if "gradient" not in row:
            counts[row["problem"], f"{row['status']}: {row['reason']}"] = (
                counts.get((row["problem"], f"{row['status']}: {row['reason']}"), 0) + 1
            )
            continue
        for one in warnings(row):
            # The number varies from rule to rule; what warns does not.
            kind = " ".join(part for part in one.split() if not part[0].isdigit())
            counts[row["problem"], f"warns: {kind}"] = counts.get((row["problem"], f"warns: {kind}"), 0) + 1
    lines = [[problem, reason, str(count)] for (problem, reason), count in counts.items()]
    return Section("Warnings and sentences", "", ("problem", "what the records say", "rows"), lines)


def _power(value: float | str | None) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:.1e}"
