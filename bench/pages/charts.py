"""What the charts of a run draw, in plotly's words: error against cost, and performance profiles."""

import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ..records.record import Record
from ..report.columns import mebibytes, milliseconds, scientific
from ..report.frontier import ACCURACIES, frontier_of
from ..report.frontier_page import exponent
from ..report.panels import MARKERS, Look, Style, by_sweep, look_of
from ..report.profiles import LARGEST_FACTOR, Profile, make_profiles
from ..report.tables import ResultRow, Table, by_problem, unbracketed
from .blocks import Chart
from .record_table import record_key

_SYMBOLS: dict[str, str] = dict(
    zip(
        MARKERS,
        ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross", "x", "star"),
        strict=True,
    )
)
_DASHES = {"-": "solid", "--": "dash", ":": "dot", "-.": "dashdot"}
_AGAINST = (
    "Relative error of the hypergradient against {cost}, one line through the budgets of a method with a "
    "solver. Left and below is better. The dotted line is the reference's own error: nobody is credited with "
    "less. A click on a point shows its record."
)
_PROFILES = (
    "Share of the problems on which a method, with its cheapest solver and budget, is within a factor of the "
    f"fastest that reaches the accuracy; factors to {LARGEST_FACTOR:g}. A method that does not apply to a "
    "problem misses it."
)


def error_charts(tables: Sequence[Table], number: int) -> list[Chart]:
    """Return error against time and error against memory, one view per problem; without views, no chart.

    `number` is that of the run on its page, in which a click on a point looks for the record.
    """
    named = [by_sweep(table) for table in tables]
    look = look_of(named)
    charts = [
        Chart(
            f"error-against-{name}",
            f"Error against {name}",
            _AGAINST.format(cost=about),
            "Problem",
            _views(named, look, cost, title, number),
        )
        for name, about, cost, title in (
            ("time", "the time of solve and gradient", _milliseconds, "solve and gradient (ms)"),
            ("memory", "the memory of the compiled program", _mebibytes, "memory (MiB)"),
        )
    ]
    return [chart for chart in charts if chart.views]


def profile_chart(records: Sequence[Record]) -> Chart | None:
    """Return performance profiles, one view per accuracy; None where nothing can be drawn."""
    frontiers = [frontier_of(key, group) for key, group in by_problem(records).items()]
    profiles = {accuracy: make_profiles(frontiers, accuracy) for accuracy in ACCURACIES}
    names = sorted({unbracketed(one.method) for group in profiles.values() for one in group})
    look = Look(tuple(names), ())
    views = [
        {
            "name": exponent(accuracy),
            "traces": [_profile_trace(one, look) for one in group if one.area > 0],
            "x": {"type": "log", "title": {"text": "factor over the fastest"}},
            "y": {"title": {"text": "share of problems"}, "range": [0, 1.02]},
        }
        for accuracy, group in profiles.items()
    ]
    drawn = [view for view in views if view["traces"]]
    return Chart("profiles", "Performance profiles", _PROFILES, "Accuracy", drawn) if drawn else None


def _views(
    tables: Sequence[Table], look: Look, cost: Callable[[ResultRow], float | None], title: str, number: int
) -> list[dict[str, Any]]:
    views = []
    for table in tables:
        rows = [row for row in table.rows if _height(row) > 0 and (cost(row) or 0) > 0]
        if rows:
            view = _view(table, rows, look, cost, title)
            for trace in view["traces"]:
                trace["customdata"] = [record_key(number, one) for one in trace["customdata"]]
            views.append(view)
    return views


def _view(
    table: Table, rows: Sequence[ResultRow], look: Look, cost: Callable[[ResultRow], float | None], title: str
) -> dict[str, Any]:
    lines: dict[tuple[str, str], list[ResultRow]] = {}
    for row in rows:
        lines.setdefault((row.key.method, row.key.solver), []).append(row)
    bound = max(row.values["reference_error"] or 0.0 for row in rows)
    return {
        "name": table.problem.title(),
        "traces": [_trace(line, look.of(line[0].key), cost) for line in lines.values()],
        "x": {"type": "log", "title": {"text": title}},
        "y": {"type": "log", "title": {"text": "relative error"}},
        "shapes": [_level(bound)] if bound > 0 else [],
    }


def _trace(
    rows: Sequence[ResultRow], style: Style, cost: Callable[[ResultRow], float | None]
) -> dict[str, Any]:
    key = rows[0].key
    return {
        "type": "scatter",
        "mode": "lines+markers",
        # Plotly reads tags in a text: a name is escaped.
        "name": escape(f"{unbracketed(key.method)}, {unbracketed(key.solver)}"),
        "x": [cost(row) for row in rows],
        "y": [_height(row) for row in rows],
        "text": [_hover(row) for row in rows],
        "customdata": [row.ids[0] if row.ids else "" for row in rows],
        "hovertemplate": "%{text}<extra></extra>",
        "line": {"color": style.color, "dash": _DASHES[style.linestyle], "width": 1.5},
        "marker": {"symbol": _SYMBOLS[style.marker], "size": 8},
    }


def _hover(row: ResultRow) -> str:
    numbers = row.values
    seconds, memory = numbers["total_seconds"], numbers["memory_bytes"]
    parts = [
        f"{unbracketed(row.key.method)} with {unbracketed(row.key.solver)}",
        f"at most {row.key.max_steps} steps, tolerance {row.key.tolerance:g}",
        f"error {scientific(_height(row))}",
        "" if seconds is None else f"{milliseconds(seconds)} ms",
        "" if memory is None else f"{mebibytes(memory)} MiB",
        f"status {row.status}",
    ]
    return "<br>".join(escape(part) for part in parts if part)


def _level(height: float) -> dict[str, Any]:
    line = {"color": "#808080", "dash": "dot", "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": height, "y1": height, "line": line}


def _profile_trace(profile: Profile, look: Look) -> dict[str, Any]:
    ratios = sorted(ratio for ratio in profile.ratios if math.isfinite(ratio) and ratio <= LARGEST_FACTOR)
    color, linestyle = look.line(unbracketed(profile.method))
    places = [1.0, *ratios, LARGEST_FACTOR]
    return {
        "type": "scatter",
        "mode": "lines",
        "name": escape(unbracketed(profile.method)),
        "x": places,
        "y": [profile.share(place) for place in places],
        "line": {"color": color, "dash": _DASHES[linestyle], "shape": "hv", "width": 2},
        "marker": {},
    }


def _milliseconds(row: ResultRow) -> float | None:
    seconds = row.values["total_seconds"]
    return None if seconds is None else seconds * 1e3


def _mebibytes(row: ResultRow) -> float | None:
    memory = row.values["memory_bytes"]
    return None if memory is None else memory / 2**20


def _height(row: ResultRow) -> float:
    """Return the error that is drawn: the row's, or the reference's own where that is larger; 0 for none."""
    error = row.values["relative_error"]
    return 0.0 if error is None else max(error, row.values["reference_error"] or 0.0)
