"""The word for every rule on every hard problem, by a stated rule."""

from collections.abc import Sequence

from ...records.status import Status
from ..counted import Counted
from .problems import CONTROLS
from .rows import JudgedRow, Looked, StressRow, is_judged

RIGHT, ZERO = 1e-3, 1e-6
ADJOINT, EXPANDS = 1e-4, 1 + 1e-6

RIGHT_WORD, ELEMENT, FLAGGED, BIASED, SILENT = "right", "element", "flagged", "biased", "silently wrong"
UNSUPPORTED = "not supported"
LOST = "process ended"
_ENDED = (Status.CRASHED.value, Status.TIMED_OUT.value, Status.OUT_OF_MEMORY.value)
SECOND_LOOK = "second look"

RULE = (
    f"A hypergradient is right at a relative error of at most {RIGHT:g}; where the derivative is zero, at an "
    f"error of at most {ZERO:g} of the norm of the loss's gradient by x times that of the signal. A record "
    "warns if its gradient is not finite, its status is not ok (the budget's tolerance was missed, or the "
    f"adjoint equation's own, as the benchmark says it), the adjoint residual is above {ADJOINT:g}, the "
    f"contraction factor above one, the error bound, where there is one, above {RIGHT:g} of the gradient, if "
    "rows are ambiguous, undecided or dependent, or if the rule, asked again with a tenth of the "
    f"tolerance and twice the steps, changes its gradient by more than {RIGHT:g} (the second look, for the"
    " price of another hypergradient; rules through our own iterations tell instead what their steps "
    "leave of the adjoint equation, for the same price). A wrong row that warns is flagged, one that does"
    " not is silently wrong. At a kink nothing is right: a row that warns and lies between the one-sided "
    "derivatives, entry by entry, is an element. Where x* can be split in many ways between two entries, "
    "both ends are the two sides. A rule that is wrong without warning on the control of its kind as "
    "well, where nothing is hard, is biased by design and not counted, nor are the rows of a "
    "problem that ended its process. The claim, for each group of rules: no row is silently wrong."
)
GROUPS = {
    "closed form and support-reduced": ("closed form", "support-reduced"),
    "implicit, of the optimality condition": ("implicit",),
    "implicit, of the fixed point": ("fixed point",),
    "one step, phantom and SHINE": ("one step", "phantom", "shine"),
    "through iterations": ("unrolled", "restarted", "forward mode"),
    "from differences": ("finite differences", "spsa"),
    "jaxopt": ("jaxopt",),
}


def warnings(row: JudgedRow) -> list[str]:
    """Return what a record says against itself."""
    looks = (
        _above("adjoint residual", row["adjoint_residual"], ADJOINT),
        _above("contraction", row["contraction"], EXPANDS),
        _above("error bound", row["error_bound"], RIGHT),
        _counted("ambiguous", row["ambiguous"]),
        _counted("dependent", row["dependent_rows"]),
        # Rows of earlier runs have no count of undecided ones, and were not asked again.
        _counted("undecided", row.get("undecided")),
        _above(SECOND_LOOK, row.get("change"), RIGHT),
    )
    return [
        *["gradient not finite"] * (row["gradient"] is None),
        *[f"status {row['status']}"] * (row["status"] != Status.OK.value),
        *filter(None, looks),
    ]


def _above(name: str, value: Looked, limit: float) -> str:
    """Warn of a value that is no number, or above its limit; say nothing of one that is not known."""
    if value is None or (not isinstance(value, str) and value <= limit):
        return ""
    return f"{name} {value if isinstance(value, str) else f'{value:.2g}'}"


def _counted(name: str, count: int | None) -> str:
    return f"{count} {name} rows" if count else ""


def word(row: StressRow, rows: Sequence[StressRow]) -> str:
    """Judge one row; the control of its kind, if it is among `rows`, tells bias."""
    own = _word(row)
    if own != SILENT or row["problem"] in CONTROLS:
        return BIASED if own == SILENT else own
    alike = [one for one in rows if one["method"] == row["method"] and one["kind"] == row["kind"]]
    return BIASED if any(one["problem"] in CONTROLS and _word(one) == SILENT for one in alike) else own


def count_targets(rows: Sequence[StressRow]) -> list[Counted]:
    """Count the rows of each group that are not silently wrong."""
    words = [(row, word(row, rows)) for row in rows]
    return [
        _group(group, [(row, one) for row, one in words if row["method"].startswith(names)])
        for group, names in GROUPS.items()
    ]


def _group(group: str, words: Sequence[tuple[StressRow, str]]) -> Counted:
    counted = [(row, one) for row, one in words if one not in (UNSUPPORTED, BIASED, LOST)]
    silent = [row["problem"] for row, one in counted if one == SILENT]
    biased = sum(one == BIASED for _, one in words)
    alarms = sum(one == RIGHT_WORD and is_judged(row) and bool(warnings(row)) for row, one in counted)
    looked = sum(one in (FLAGGED, ELEMENT) and _second_look_alone(row) for row, one in counted)
    where = ", ".join(dict.fromkeys(silent))
    lost = sum(one == LOST for _, one in words)
    left_out = [f"{biased} biased"] * bool(biased)
    left_out += [f"{lost} lost with their process"] * bool(lost)
    left_out += [f"{alarms} right but warned"] * bool(alarms)
    left_out += [f"{looked} told by the second look alone"] * bool(looked)
    return Counted(
        f"never silently wrong: {group}",
        len(counted) - len(silent),
        len(counted),
        f"silent on {where}" if where else "",
        ", ".join(left_out),
    )


def _second_look_alone(row: StressRow) -> bool:
    """Tell whether nothing but the second look warns; rows that failed have no looks."""
    return is_judged(row) and [one.startswith(SECOND_LOOK) for one in warnings(row)] == [True]


def _word(row: StressRow) -> str:
    if not is_judged(row):
        if row["status"] in _ENDED:
            return LOST
        return UNSUPPORTED if row["status"] == Status.NOT_SUPPORTED.value else FLAGGED
    warned = bool(warnings(row))
    if row["kink"]:
        return (ELEMENT if row["element"] else FLAGGED) if warned else SILENT
    bound = RIGHT if any(row["left"]) else ZERO
    if row["error"] is not None and row["error"] <= bound:
        return RIGHT_WORD
    return FLAGGED if warned else SILENT
