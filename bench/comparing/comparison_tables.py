"""The comparison of two runs as tables, and what of it is a regression."""

from collections.abc import Mapping, Sequence

from pydantic import JsonValue

from ..records.record import Record
from ..report.columns import milliseconds, significant
from ..report.tables import EMPTY, problem_of, unbracketed
from ..report.text_table import TextTable
from .otherwise import RULE as RULE_OF_OTHERS
from .otherwise import Otherwise
from .paired import Matched, Paired
from .slower import RULE, MethodChange

SHOWN = 20
"""Single cases that are named at most, of those whose times moved most."""


def method_table(changes: Sequence[MethodChange], pace: float | None) -> TextTable:
    """Return one line per method: its ratio, its spread, and whether it changed by the rule."""
    about = "" if pace is None else f" The median ratio of all cases is {significant(pace)}."
    lines = [
        [
            one.method,
            str(one.problems),
            significant(one.raw),
            significant(one.ratio),
            f"{significant(one.spread[0])} to {significant(one.spread[1])}",
            EMPTY if one.p is None else f"{one.p:.2g}",
            _word(one),
        ]
        for one in changes
    ]
    columns = ["method", "problems", "times", "over the pace", "quartiles", "p", "verdict"]
    return TextTable("Times by method", RULE + about, columns, lines, words=("verdict",))


def case_table(matched: Matched) -> TextTable:
    """Return the single cases whose times moved most, beside the median ratio of all."""
    pace = matched.pace or 1.0
    timed = [(pair.ratio / pace, pair) for pair in matched.pairs if pair.ratio is not None]
    moved = sorted(timed, key=lambda one: -max(one[0], 1 / one[0] if one[0] else 0.0))
    text = (
        f"Those whose ratio is furthest from the median of all, at most {SHOWN}. One case alone proves "
        "nothing: see the methods above."
    )
    columns = ["problem", "solver", "method", "ms before", "ms after", "ratio", "record"]
    lines = [_case(pair) for _, pair in moved[:SHOWN]]
    return TextTable("Times of single cases", text, columns, lines, words=("solver", "method", "record"))


def otherwise_table(changes: Sequence[Otherwise]) -> TextTable:
    """Return what else changed, one line per case and figure."""
    lines = [[*_names(one.record), one.figure, one.before, one.after, one.verdict] for one in changes]
    columns = ["problem", "solver", "method", "figure", "before", "after", "verdict"]
    words = ("solver", "method", "figure", "verdict")
    return TextTable("What else changed", RULE_OF_OTHERS, columns, lines, words=words)


def differing(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> list[str]:
    """Return a sentence for each fact of the two environments that differs, but for the commit."""
    names = dict.fromkeys([*before, *after])
    return [
        f"{name} was {before.get(name)} before and is {after.get(name)} after: that alone can change times"
        for name in names
        if name not in ("commit", "dirty", "hypergrad_bench") and before.get(name) != after.get(name)
    ]


def regressions(
    matched: Matched, changes: Sequence[MethodChange], others: Sequence[Otherwise], above: float
) -> list[str]:
    """Return a sentence for each method slower by more than a factor, each worse case, and lost cases."""
    slower = [
        f"{one.method} takes {significant(one.ratio)} times as long as before beside the other methods "
        f"({significant(one.raw)} times by the clock)"
        for one in changes
        if one.significant and one.ratio > above
    ]
    worse = [
        f"{one.figure} of {unbracketed(one.record.method)} with {unbracketed(one.record.solver)} on "
        f"{problem_of(one.record).title()}: {one.before} before, {one.after} after"
        for one in others
        if one.verdict == "worse"
    ]
    lost = [f"{matched.only_before} cases have no record after"] if matched.only_before else []
    return [*slower, *worse, *lost]


def _word(change: MethodChange) -> str:
    if change.p is None:
        return "cannot tell"
    if not change.significant:
        return "no change"
    return "slower" if change.ratio > 1 else "faster"


def _case(pair: Paired) -> list[str]:
    times = [milliseconds(one.total_seconds or 0.0) for one in (pair.before, pair.after)]
    return [*_names(pair.after), *times, significant(pair.ratio or 0.0), pair.after.id]


def _names(record: Record) -> list[str]:
    problem = f"{problem_of(record).title()}, seed {record.seed}"
    return [problem, unbracketed(record.solver), unbracketed(record.method)]
