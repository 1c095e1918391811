"""The frontier as text: a page of tables, and a CSV file."""

import math
from collections.abc import Iterator, Sequence

from ..records.record import Record
from .columns import mebibytes, milliseconds, scientific
from .comma_separated import comma_separated
from .contender_ratios import make_pairs, pairs_table
from .frontier import ACCURACIES, Cost, Frontier, Standing, cost_of, make_frontiers, undominated
from .markdown import joined, markdown_table
from .profiles import LARGEST_FACTOR, make_profiles
from .tables import EMPTY, ProblemKey, RowKey, unbracketed
from .text_table import TextTable

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
    """Return the tables as a page; empty without a sweep."""
    tables = frontier_tables(records)
    return joined(["# Frontier", _EXPLAINED, *map(markdown_table, tables)]) + "\n" if tables else ""


def frontier_tables(records: Sequence[Record]) -> list[TextTable]:
    """Return the areas of the profiles, other libraries' ratios, and one table per problem.

    There are none without a sweep.
    """
    frontiers = make_frontiers(records)
    if not frontiers:
        return []
    pairs = make_pairs(frontiers, records)
    return [_areas(frontiers), *([pairs_table(pairs)] if pairs else []), *map(_table, frontiers)]


def frontier_csv(records: Sequence[Record]) -> str:
    """Return one line per problem, method, solver, accuracy and cost, with the budget that reaches it."""
    head = ("sweep", "solver", "accuracy", "cost", "value", "error", "pareto")
    rows = (
        [*frontier.problem, *line]
        for frontier in make_frontiers(records)
        for cost in _COSTS
        for line in _csv_lines(frontier, cost)
    )
    columns = [*ProblemKey._fields, *head, *RowKey._fields[1:], "ids", "floor", "reason"]
    return comma_separated(columns, rows)


def _csv_lines(frontier: Frontier, cost: Cost) -> Iterator[list[object]]:
    front = undominated(frontier, cost)
    for standing in frontier.standings:
        floor = standing.floor.error if standing.floor else None
        name = standing.method, standing.solver
        for accuracy in ACCURACIES:
            point = standing.cheapest(accuracy, cost)
            reached = (cost_of(point, cost), point.error) if point else (None, None)
            budget = (*point.key[1:], " ".join(point.ids)) if point else (None, None, None, None)
            yield [*name, accuracy, cost, *reached, name in front, *budget, floor, standing.reason]


def _table(frontier: Frontier) -> TextTable:
    names = [f"{unit} to {exponent(accuracy)}" for unit in ("ms", "MiB") for accuracy in ACCURACIES]
    return TextTable(
        heading=frontier.problem.title(),
        text=_about(frontier),
        columns=["method", "solver", *names, "floor", "Pareto"],
        lines=_lines(frontier),
        words=("solver",),
        remarks=_missing(frontier),
    )


def _lines(frontier: Frontier) -> list[list[str]]:
    fronts = {cost: undominated(frontier, cost) for cost in _COSTS}
    lines = []
    for standing in frontier.standings:
        if not standing.points:
            continue
        cells = [_cell(standing, accuracy, cost) for cost in _COSTS for accuracy in ACCURACIES]
        names = {"seconds": "time", "memory": "memory"}
        marks = [names[cost] for cost in _COSTS if (standing.method, standing.solver) in fronts[cost]]
        lines.append(
            [standing.method, unbracketed(standing.solver), *cells, _floor(standing), ", ".join(marks)]
        )
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
    """Say why methods are not in the table, one line per reason."""
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


def _areas(frontiers: Sequence[Frontier]) -> TextTable:
    return TextTable(
        heading="Performance profiles",
        text=_about_areas(frontiers),
        columns=["method", "problems", *(f"area {exponent(accuracy)}" for accuracy in ACCURACIES)],
        lines=_area_lines(frontiers),
        words=("problems",),
    )


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
        groups.setdefault(unbracketed(frontier.problem.regularizer), []).append(frontier)
    return {"all": list(frontiers), **(groups if len(groups) > 1 else {})}


def exponent(accuracy: float) -> str:
    """Return a power of ten as `1e-2`."""
    return f"1e{round(math.log10(accuracy))}"
