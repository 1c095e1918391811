"""The frontier as text: a page of tables, a CSV file, and what the terminal shows."""

import csv
import io
import math
from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from ..records.record import Record
from .columns import mebibytes, milliseconds, scientific
from .frontier import ACCURACIES, Cost, Frontier, Standing, cost_of, make_frontiers, undominated
from .markup import escaped, pipes
from .peer_ratios import COLUMNS as PAIR_COLUMNS
from .peer_ratios import EXPLAINED as PAIRS_EXPLAINED
from .peer_ratios import make_pairs, pair_lines
from .profiles import LARGEST_FACTOR, make_profiles
from .tables import EMPTY, Problem, Run, label

_COSTS: tuple[Cost, ...] = ("seconds", "memory")
_EXPLAINED = (
    "Each method is swept over its budget. A cell is the cheapest budget that reaches the hypergradient"
    " error at the head of its column, on every seed: time of solve and gradient (median over rounds, "
    "then seeds), or memory of the compiled program. An error counts as reached only as far as the "
    "reference itself is known. **floor** is the smallest error of the sweep; `<b`: below the "
    "reference's own error b. **Pareto**: one of its budgets is not dominated by any other row's, in "
    "time and error, or in memory and error. Differences of some per cent are within the clock's noise."
)


def frontier_markdown(records: Sequence[Record]) -> str:
    """Return the page: the areas of the profiles, then a table a problem; empty without a sweep."""
    frontiers = make_frontiers(records)
    if not frontiers:
        return ""
    parts = ["# Frontier", _EXPLAINED, "## Performance profiles", _about_areas(frontiers)]
    parts.append(pipes(_area_columns(), _area_lines(frontiers)))
    pairs = make_pairs(frontiers, records)
    if pairs:
        parts += ["## Other libraries", PAIRS_EXPLAINED, pipes(PAIR_COLUMNS, pair_lines(pairs))]
    for frontier in frontiers:
        parts += [
            f"## {escaped(frontier.problem.title())}",
            _about(frontier),
            pipes(_columns(), _lines(frontier)),
        ]
        parts += ["\n".join(f"- {escaped(line)}" for line in _missing(frontier))]
    return "\n\n".join(part for part in parts if part) + "\n"


def render_frontiers(records: Sequence[Record]) -> RenderableType:
    """Return the same tables for the terminal; nothing without a sweep."""
    frontiers = make_frontiers(records)
    shown: list[RenderableType] = []
    if frontiers:
        shown += [Text("Areas under the performance profiles", style="bold"), Text(_about_areas(frontiers))]
        shown.append(_rich(_area_columns(), _area_lines(frontiers)))
    pairs = make_pairs(frontiers, records)
    if pairs:
        shown += [Text("Other libraries", style="bold"), Text(PAIRS_EXPLAINED)]
        shown.append(_rich(PAIR_COLUMNS, pair_lines(pairs)))
    for frontier in frontiers:
        shown += [
            Text(f"Frontier: {frontier.problem.title()}", style="bold"),
            _rich(_columns(), _lines(frontier)),
        ]
        shown += [Text(f" {line}") for line in _missing(frontier)]
        shown.append(Text())
    return Group(*shown)


def frontier_csv(records: Sequence[Record]) -> str:
    """Return a line a problem, method, solver, accuracy and kind of cost, with the budget that reaches it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    head = ("sweep", "solver", "accuracy", "cost", "value", "error", "pareto")
    writer.writerow([*Problem._fields, *head, *Run._fields[1:], "ids", "floor", "reason"])
    for frontier in make_frontiers(records):
        for cost in _COSTS:
            front = undominated(frontier, cost)
            for standing in frontier.standings:
                writer.writerows([*frontier.problem, *line] for line in _csv_lines(standing, cost, front))
    return buffer.getvalue()


def _csv_lines(standing: Standing, cost: Cost, front: set[tuple[str, str]]) -> Iterator[list[object]]:
    floor = standing.floor.error if standing.floor else None
    who = standing.method, standing.solver
    for accuracy in ACCURACIES:
        point = standing.cheapest(accuracy, cost)
        found = (cost_of(point, cost), point.error) if point else (None, None)
        budget = (*point.run[1:], " ".join(point.ids)) if point else (None, None, None, None)
        yield [*who, accuracy, cost, *found, who in front, *budget, floor, standing.reason]


def _columns() -> list[str]:
    names = [f"{unit} to {exponent(accuracy)}" for unit in ("ms", "MiB") for accuracy in ACCURACIES]
    return ["method", "solver", *names, "floor", "Pareto"]


def _lines(frontier: Frontier) -> list[list[str]]:
    fronts = {cost: undominated(frontier, cost) for cost in _COSTS}
    lines = []
    for standing in frontier.standings:
        if not standing.points:
            continue
        cells = [_cell(standing, accuracy, cost) for cost in _COSTS for accuracy in ACCURACIES]
        names = {"seconds": "time", "memory": "memory"}
        marks = [names[cost] for cost in _COSTS if (standing.method, standing.solver) in fronts[cost]]
        lines.append([standing.method, label(standing.solver), *cells, _floor(standing), ", ".join(marks)])
    return lines


def _cell(standing: Standing, accuracy: float, cost: Cost) -> str:
    point = standing.cheapest(accuracy, cost)
    value = None if point is None else cost_of(point, cost)
    if value is None:
        return EMPTY
    return milliseconds(value) if cost == "seconds" else mebibytes(value)


def _floor(standing: Standing) -> str:
    point = standing.floor
    if point is None:
        return EMPTY
    return f"<{scientific(point.bound)}" if point.error <= point.bound else scientific(point.error)


def _about(frontier: Frontier) -> str:
    if frontier.bound is None:
        return "There is no reference, so that no accuracy can be credited."
    return f"The reference is known to {scientific(frontier.bound)}."


def _missing(frontier: Frontier) -> list[str]:
    """Say why methods are not in the table, methods of the same reason together."""
    reasons: dict[str, list[str]] = {}
    for standing in frontier.standings:
        if not standing.points:
            reasons.setdefault(standing.reason, []).append(standing.method)
    return [f"{', '.join(dict.fromkeys(methods))}: {reason}" for reason, methods in reasons.items()]


def _about_areas(frontiers: Sequence[Frontier]) -> str:
    counts = [sum(frontier.knows(accuracy) for frontier in frontiers) for accuracy in ACCURACIES]
    pairs = [f"{count} for {exponent(accuracy)}" for count, accuracy in zip(counts, ACCURACIES, strict=True)]
    return (
        "Share of the problems on which a method is within a factor of the fastest that reaches the "
        "accuracy, as the area under that curve over the factor's logarithm: 1 is the fastest everywhere, "
        f"0 never within a factor of {LARGEST_FACTOR:g}. Problems whose reference is known well enough: "
        f"{', '.join(pairs)} of {len(frontiers)}. A method that does not apply to a problem misses it, "
        "hence the lines of single regularisers."
    )


def _area_columns() -> list[str]:
    return ["method", "problems", *(f"area {exponent(accuracy)}" for accuracy in ACCURACIES)]


def _area_lines(frontiers: Sequence[Frontier]) -> list[list[str]]:
    """Return the areas of all problems together, then those of each regulariser."""
    lines = []
    for name, chosen in by_regularizer(frontiers).items():
        areas = [
            {profile.method: profile.area for profile in make_profiles(chosen, accuracy)}
            for accuracy in ACCURACIES
        ]
        methods = sorted(
            {method for column in areas for method, area in column.items() if area > 0},
            key=lambda method: ([-column.get(method, 0.0) for column in reversed(areas)], method),
        )
        for method in methods:
            cells = [f"{column[method]:.2f}" if method in column else EMPTY for column in areas]
            lines.append([method, name, *cells])
    return lines


def by_regularizer(frontiers: Sequence[Frontier]) -> dict[str, list[Frontier]]:
    """Return all frontiers as "all", then those of each regulariser where there are several."""
    groups: dict[str, list[Frontier]] = {}
    for frontier in frontiers:
        groups.setdefault(label(frontier.problem.regularizer), []).append(frontier)
    return {"all": list(frontiers), **(groups if len(groups) > 1 else {})}


def _rich(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> RichTable:
    table = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < 2 else "right", overflow="fold")
    for line in lines:
        table.add_row(*map(Text, line))
    return table


def exponent(accuracy: float) -> str:
    """Return a power of ten as `1e-2`."""
    return f"1e{round(math.log10(accuracy))}"
