"""What hypergradients of a DRUNet inside forward-backward iterations cost."""

import itertools
from collections.abc import Sequence

from matplotlib.figure import Figure

from ....problems.values.configuration import configuration
from ...report.page import Page
from ...report.panels import COLOURS, MARKERS, add_legend
from ...report.text_table import TextTable
from ..cells import cell
from ..counted import Counted, counted_verdict, targets_section
from ..finding import ClaimFinding, Verdict, counts_of, verdict_of
from ..rows import RecordedRow, read_rows
from .measure import (
    FREE_OF_STEPS,
    LARGE,
    LARGE_STEPS,
    LINEAR_IN_STEPS,
    MEMORY,
    METHODS,
    SECONDS,
    SMALL,
    STEPS,
    Cost,
    measure_memory,
    measure_seconds,
)
from .rows import MemoryRow, SecondsRow

SAME, LINEAR = 0.01, 0.05
QUESTION = (
    "The published DRUNet (64, 128, 256, 512 channels, four blocks a scale, ReLU, 32.6 million parameters), "
    "drawn at random, stands in the place of the proximal operator of forward-backward iterations for "
    "deconvolution; the hypergradient is that by all of its parameters, in float32. How does memory grow "
    f"with the number of iterations, at {SMALL} x {SMALL} pixels, and how long do {LARGE_STEPS} iterations "
    f"and the implicit backward pass take at {LARGE} x {LARGE}? Memory is what the compiler says that the "
    "program needs: arguments, results and temporaries. What the gradient is worth is not asked: nothing was "
    "trained."
)
RULE = (
    "Memory is free of the number of iterations if its largest figure is within "
    f"{SAME:.0%} of its smallest; it grows linearly if the bytes per further iteration differ by at most "
    f"{LINEAR:.0%} from one number of iterations to the next, as soon as a program needs twice the memory of "
    "that for the fewest: with less, the network's own layers need more than what the iterations store."
)

SETTING = f"the published DRUNet, drawn at random, in forward-backward iterations, {SMALL} x {SMALL} pixels"
FINDING_RULE = (
    "Its cost alone is measured here, by the rule of this page; whether training works is another question. "
    "A cost that holds settles no claim without it; one that does not, or in direction only, counts."
)


@configuration
class EquilibriumCost:
    """Is the memory of implicit differentiation free of the number of iterations, with a network inside?

    Source: Bai, Kolter and Koltun, 2019; Davy, Briceno-Arias and Pustelnik, 2025, claim D2.
    """

    def cases(self, quick: bool) -> Sequence[Cost]:
        """Return what is measured; `quick` takes a small network for both."""
        del quick
        return (MEMORY, SECONDS)

    def measure(self, case: Cost, quick: bool) -> list[MemoryRow] | list[SecondsRow]:
        """Compile the programs for their memory, or run one for its time."""
        return measure_memory(quick) if case == MEMORY else measure_seconds(quick)

    def page(self, rows: Sequence[RecordedRow]) -> Page:
        """Return both tables, the figure and the verdict."""
        weighed = read_rows((row for row in rows if row.get("case") == MEMORY.name), MemoryRow)
        timed = read_rows((row for row in rows if row.get("case") == SECONDS.name), SecondsRow)
        targets = count_targets(weighed)
        return Page(
            title="The cost of equilibrium models with a DRUNet",
            question=QUESTION,
            rule=RULE,
            sections=[
                targets_section(targets),
                _memory_table(weighed),
                _seconds_table(timed),
            ],
            verdict=counted_verdict(targets),
            figures={"memory_against_steps": _figure(weighed)} if weighed else {},
        )

    def findings(self, rows: Sequence[RecordedRow]) -> list[ClaimFinding]:
        """Return the finding on claim D2, of which this measures the cost."""
        targets = count_targets(read_rows((row for row in rows if row.get("case") == MEMORY.name), MemoryRow))
        cost = verdict_of(targets)
        if cost is Verdict.NOT_TESTED:
            return [ClaimFinding("D2", FINDING_RULE, SETTING)]
        verdict = Verdict.NOT_TESTED if cost is Verdict.HOLDS else cost
        reason = f"its part on cost {cost.value}; training is not its question"
        return [ClaimFinding("D2", FINDING_RULE, SETTING, counts_of(targets), verdict, reason)]


def count_targets(rows: Sequence[MemoryRow]) -> list[Counted]:
    """Apply the rule, to the rows of memory."""
    free, spread = [], []
    for name in FREE_OF_STEPS:
        figures = [memory for _, memory in _known(rows, name)]
        if len(figures) > 1:
            spread.append(max(figures) / min(figures) - 1)
            free.append(spread[-1] <= SAME)
    stored = _known(rows, LINEAR_IN_STEPS)
    slopes = _slopes(stored)
    linear = len(slopes) > 1 and min(slopes) > 0 and max(slopes) <= (1 + LINEAR) * min(slopes)
    return [
        Counted(
            "memory is free of the number of iterations: implicit, one step",
            sum(free),
            len(free),
            f"at most {max(spread, default=0.0):.1%} apart",
        ),
        Counted(
            "memory of unrolling grows linearly",
            int(linear),
            int(len(stored) > 2),
            f"{slopes[-1] / 2**20:.1f} MiB an iteration" if slopes else "",
        ),
    ]


def _known(rows: Sequence[MemoryRow], method: str) -> list[tuple[int, float]]:
    """Return iterations and bytes of one method, the fewest iterations first."""
    return sorted(
        (row["steps"], float(memory))
        for row in rows
        if row["method"] == method and (memory := row["memory_bytes"]) is not None
    )


def _slopes(known: Sequence[tuple[int, float]]) -> list[float]:
    """Return bytes per further iteration, where what iterations store is most of the memory."""
    pairs = [(steps, memory) for steps, memory in known if memory >= 2 * known[0][1]]
    return [(b - a) / (m - k) for (k, a), (m, b) in itertools.pairwise(pairs)]


def _memory_table(rows: Sequence[MemoryRow]) -> TextTable:
    steps = [count for count in STEPS if any(row["steps"] == count for row in rows)]
    lines = []
    for name in METHODS:
        cells = []
        for count in steps:
            one = next((row for row in rows if row["method"] == name and row["steps"] == count), None)
            cells.append("" if one is None else _mebibytes(one))
        lines.append([name, *cells])
    limit = f"; the limit here is {rows[0]['memory_limit_bytes'] / 2**20:.0f} MiB" if rows else ""
    return TextTable(
        f"Memory, {SMALL} x {SMALL} pixels",
        f"MiB of the compiled program, by the number of iterations{limit}.",
        ("method", *map(str, steps)),
        lines,
    )


def _mebibytes(row: MemoryRow | SecondsRow) -> str:
    memory = row["memory_bytes"]
    if memory is None:
        return "unknown"
    return f"{memory / 2**20:.0f}{' (out of memory)' if memory > row['memory_limit_bytes'] else ''}"


def _seconds_table(rows: Sequence[SecondsRow]) -> TextTable:
    lines = [
        [
            row["what"],
            cell(row["steps"], "d"),
            cell(row["adjoint_steps"], "d"),
            cell(row["seconds"], ".1f", row["reason"]),
            f"{row['compile_seconds']:.1f}",
            _mebibytes(row),
            row["device"],
        ]
        for row in rows
    ]
    columns = ("what", "steps", "adjoint steps", "seconds", "compilation, seconds", "memory, MiB", "device")
    text = "One call after one that is not timed for the solve, one call alone for solve and gradient."
    return TextTable(f"Seconds, {LARGE} x {LARGE} pixels", text if lines else "Not measured.", columns, lines)


def _figure(rows: Sequence[MemoryRow]) -> Figure:
    figure = Figure(figsize=(6.5, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, name in enumerate(METHODS):
        known = _known(rows, name)
        axes.plot(
            [steps for steps, _ in known],
            [memory / 2**20 for _, memory in known],
            color=COLOURS[number],
            marker=MARKERS[number],
            markersize=4,
            label=name,
        )
    limit = axes.axhline(rows[0]["memory_limit_bytes"] / 2**20, color="0.5", linestyle=":", label="limit")
    axes.set(xscale="log", yscale="log", xlabel="iterations", ylabel="memory of the program, MiB")
    axes.grid(alpha=0.3, linewidth=0.5)
    add_legend(figure, [*axes.get_lines()[: len(METHODS)], limit])
    return figure
