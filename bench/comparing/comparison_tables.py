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
    about = "" if pace is None else f" The pace over all cases is {significant(pace)}."
    lines = [
        [
            one.method,
            str(one.cases),
            significant(one.ratio),
            f"{significant(one.spread[0])} to {significant(one.spread[1])}",
            EMPTY if one.p is None else f"{one.p:.2g}",
            _word(one),
        ]
        for one in changes
    ]
    columns = ["method", "cases", "ratio", "quartiles", "p", "verdict"]
    return TextTable("Times by method", RULE + about, columns, lines, words=("verdict",))


def case_table(matched: Matched) -> TextTable:
    """Return the single cases whose times moved most, over the pace of their problem."""
    timed = [pair for pair in matched.pairs if pair.own is not None]
    moved = sorted(timed, key=lambda pair: -max(pair.own or 1.0, 1 / (pair.own or 1.0)))
    text = (
        f"Those that moved most, at most {SHOWN}, over the pace of their problem. One case alone proves "
        "nothing: see the methods above."
    )
    columns = ["problem", "solver", "method", "ms before", "ms after", "ratio", "over the pace", "record"]
    lines = [_case(pair) for pair in moved[:SHOWN]]
    return TextTable("Times of single cases", text, columns, lines, words=("solver", "method", "record"))


def otherwise_table(changes: Sequence[Otherwise]) -> TextTable:
    """Return what else changed, one line per case and figure."""
    lines = [[*_names(one.record), one.figure, one.before, one.after, _verdict(one)] for one in changes]
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


def regressions(changes: Sequence[MethodChange], others: Sequence[Otherwise], above: float) -> list[str]:
    """Return a sentence for each method that became slower by a factor, and each case that is worse."""
    slower = [
        f"{one.method} takes {significant(one.ratio)} times as long"
        for one in changes
        if one.significant and one.ratio > above
    ]
    worse = [
        f"{one.figure} of {unbracketed(one.record.method)} with {unbracketed(one.record.solver)} on "
        f"{problem_of(one.record).title()}: {one.before} before, {one.after} after"
        for one in others
        if one.worse
    ]
    return [*slower, *worse]


def _word(change: MethodChange) -> str:
    if not change.significant:
        return "no change"
    return "slower" if change.ratio > 1 else "faster"


def _verdict(change: Otherwise) -> str:
    return "worse" if change.worse else "better"


def _case(pair: Paired) -> list[str]:
    times = [milliseconds(one.total_seconds or 0.0) for one in (pair.before, pair.after)]
    ratios = [significant(ratio or 0.0) for ratio in (pair.ratio, pair.own)]
    return [*_names(pair.after), *times, *ratios, pair.after.id]


def _names(record: Record) -> list[str]:
    problem = f"{problem_of(record).title()}, seed {record.seed}"
    return [problem, unbracketed(record.solver), unbracketed(record.method)]
