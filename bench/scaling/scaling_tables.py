"""The tables of the page on scaling, each made of recorded results alone."""

import math
from collections.abc import Sequence
from pathlib import Path

from ..errors import UserError
from ..report.markdown import pipes
from ..report.text_table import TextTable
from .curve_checks import CurveCheck, MethodErrors, all_checks
from .far_predictions import FarPrediction, by_name, large_experts, large_image, large_network
from .figure_fit import Misjudged
from .grid_seconds import bottleneck_workers, grid_seconds, group_seconds
from .program_cost import DeviceFigures, Number
from .reproduced_points import rows_of
from .rule_table import rule_table
from .shown_numbers import duration, size, two_digits, within
from .simulation_file import Simulated, SleepingRun, TimedStage, read_simulation

SIMULATED = "harness-scale-cpu"
CASES, WORKERS = 100_000, 1000
GRID_GROUPS = 12_288
"""Of the default suite with 512 seeds: 24 problems in their precisions, 99,840 cases."""
NOT_SIMULATED = "Not simulated yet."


def scaling_tables(results: Path) -> dict[str, str]:
    """Return every table of the page as Markdown, by the name of its place.

    Raises:
        UserError: if a recorded folder cannot be read.
    """
    checks = all_checks(results)
    named = by_name(checks)
    simulated = read_simulation(results / SIMULATED)
    memory = machine_bytes(results)
    return {
        "rules": pipes(rule_table()),
        "devices": pipes(device_table(checks)),
        "checks": "\n\n".join(_section(check) for check in checks),
        "image": pipes(prediction_table(large_image(named), memory)),
        "experts": pipes(prediction_table(large_experts(named), memory)),
        "network": pipes(prediction_table(large_network(named), memory)),
        "grid": pipes(grid_table(results, simulated)),
        "simulation": NOT_SIMULATED if simulated is None else pipes(simulation_table(simulated)),
        "runs": NOT_SIMULATED if simulated is None else pipes(run_table(simulated.runs)),
    }


def machine_bytes(results: Path) -> Number:
    """Return four fifths of the memory of the machine that the growing images were recorded on."""
    return float(next(rows_of(results / "hypergradient-scale-cpu"))["memory_limit_bytes"])


def device_table(checks: Sequence[CurveCheck]) -> TextTable:
    """Return the figures that each check's known programs give."""
    lines = [
        [check.name, *_figures(device), str(len(check.known))]
        for check in checks
        if (device := check.device) is not None
    ]
    columns = ("figures from", "Gflop/s", "GB/s", "µs per loop step", "µs per program", "programs")
    return TextTable("Figures", "", columns, lines)


def _figures(device: DeviceFigures) -> list[str]:
    return [
        two_digits(1e-9 / device.flop) if device.flop else "not told",
        two_digits(1e-9 / device.moved_byte) if device.moved_byte else "not told",
        two_digits(1e6 * device.loop) if device.loop else "not told",
        two_digits(1e6 * device.call) if device.call else "not told",
    ]


def check_table(check: CurveCheck) -> TextTable:
    """Return the errors of a check's predictions, method by method."""
    columns = (
        "method",
        "predicted",
        "seconds",
        "worst",
        "with its own factor",
        "worst ",
        "bytes",
        "worst  ",
        "with its own  factor",
        "worst   ",
    )
    lines = [[name, _count(found), *_errors(found)] for name, found in check.errors().items()]
    return TextTable(check.name, check.sentence, columns, lines)


def _section(check: CurveCheck) -> str:
    return f"**{check.name}.** {check.sentence}\n\n{pipes(check_table(check))}"


def _count(found: MethodErrors) -> str:
    counts = [one.programs for one in found if one is not None]
    return str(max(counts, default=0))


def _errors(found: MethodErrors) -> list[str]:
    cells: list[str] = []
    for one in found:
        cells += _ratio(one)
    return cells


def _ratio(found: Misjudged | None) -> list[str]:
    return ["", ""] if found is None else [f"{found.ratio:.2f}x", f"{found.worst:.2f}x"]


def prediction_table(predictions: Sequence[FarPrediction], limit: Number) -> TextTable:
    """Return predictions with their ranges, and whether they fit into four fifths of a machine's memory."""
    lines = [
        [
            one.method,
            "not checked" if one.seconds is None else within(one.seconds, one.seconds_within, "seconds"),
            within(one.held_bytes, one.held_within, "bytes"),
            size(one.beside_bytes) if one.beside_bytes else "",
            one.fits(limit),
        ]
        for one in predictions
    ]
    fits = f"fits {size(limit)}"
    words = ("seconds", "bytes of the program", fits)
    return TextTable("", "", ("method", "seconds", "bytes of the program", "directions", fits), lines, words)


def grid_table(results: Path, simulated: Simulated | None) -> TextTable:
    """Return what a grid of 100,000 cases takes: alone, on 1,000 workers, and what the harness has to do."""
    one = group_seconds(results / "default-cpu")
    groups = GRID_GROUPS if simulated is None else simulated.groups
    found = grid_seconds(one, groups, WORKERS)
    lines = [
        ["a group whose programs are compiled", duration(one.first)],
        ["a group that finds them compiled", duration(one.later)],
        ["the grid in one process", duration(found.alone)],
        [f"on {WORKERS:,} workers, each keeping to one problem", duration(found.fastest)],
        ["groups that then end in a second", two_digits(groups / found.fastest)],
        [f"on {WORKERS:,} workers, each group compiles", duration(found.slowest)],
        ["groups that then end in a second", two_digits(found.groups_per_second)],
    ]
    if simulated is not None:
        rate = capacity(simulated.runs, WORKERS)
        listing = simulated.worker_listing
        seconds = "not measured" if listing is None else duration(listing.seconds)
        lines += [
            ["before its first group a worker lists the cases, at most", seconds],
            [f"groups a second that the harness records, told of {WORKERS:,} workers", two_digits(rate)],
            ["the grid at this rate", duration(groups / rate)],
            ["workers that wait for it, if groups compile", _workers(rate, one.first)],
            ["workers that wait for it, if groups do not", _workers(rate, one.later)],
        ]
    return TextTable("", "", ("what", "predicted"), lines)


def capacity(runs: Sequence[SleepingRun], slots: int) -> Number:
    """Return the groups per second that came through although none slept, to so many slots.

    What the client does for a group grows with the number that it is told of; of several runs the one whose
    slots are nearest counts.

    Raises:
        UserError: if every group of every run slept.
    """
    awake = [run for run in runs if not run.sleep_seconds]
    if not awake:
        raise UserError("what the harness sustains is told by groups that do not sleep; there are none")
    nearest = min(awake, key=lambda run: abs(math.log(run.slots / slots)))
    return nearest.groups / nearest.seconds


def _workers(rate: Number, seconds: Number) -> str:
    return f"from {two_digits(bottleneck_workers(rate, seconds))} on"


def simulation_table(found: Simulated) -> TextTable:
    """Return the stages of the simulated grid: seconds, memory, and how many records a second."""
    journal = found.journal
    rate = journal.records / journal.seconds
    stages: list[tuple[str, TimedStage | None]] = [
        ("the client plans the grid", found.planning),
        ("each case is given its id", found.listing),
        ("a worker lists the cases up to the last", found.worker_listing),
        ("hgb table", found.table),
        (f"hgb report: {found.report.records:,} records, {size(found.report.page_bytes)}", found.report),
        ("hgb run --resume, nothing left", found.resume),
    ]
    lines = [
        [name, duration(stage.seconds), _peak(stage.peak_bytes), ""]
        for name, stage in stages
        if stage is not None
    ]
    appended = f"the journal alone, {size(journal.journal_bytes)}, {journal.appends:,} appends"
    lines.append([appended, duration(journal.seconds), "", f"{two_digits(rate)} records/s"])
    heading = f"{found.cases:,} cases in {found.groups:,} groups"
    return TextTable("", "", (heading, "seconds", "peak memory", "rate"), lines)


def run_table(runs: Sequence[SleepingRun]) -> TextTable:
    """Return the sleeping runs: who slept how long, and what came through."""
    lines = [
        [
            f"{run.slots:,} in {run.workers:,}",
            duration(run.sleep_seconds) if run.sleep_seconds else "0",
            f"{run.groups:,}",
            duration(run.seconds),
            two_digits(run.groups / run.seconds),
            two_digits(run.records / run.seconds),
            two_digits(_ideal(run)) if run.sleep_seconds else "",
            _peak(run.peak_bytes),
        ]
        for run in runs
    ]
    columns = (
        "slots in workers",
        "a group sleeps",
        "groups",
        "seconds",
        "groups/s",
        "records/s",
        "groups/s, nobody waiting",
        "peak memory",
    )
    return TextTable("", "", columns, lines)


def _ideal(run: SleepingRun) -> Number:
    """Return the groups per second of so many slots that never wait."""
    return min(run.slots, run.groups) / run.sleep_seconds


def _peak(count: int | None) -> str:
    return "unknown" if count is None else size(count)
