"""`hgb compare`: two runs of the same cases."""

from pathlib import Path

import typer

from ..comparing.comparison_tables import case_table, differing, method_table, otherwise_table, regressions
from ..comparing.otherwise import otherwise
from ..comparing.paired import Matched, match
from ..comparing.slower import FEWEST, MethodChange, method_changes
from ..errors import UserError
from ..report.terminal import print_lines, standard_output, terminal_table
from ..runs.run_file import run_folder
from .notices import say, warn


def compare_runs(before: Path, after: Path, fail_above: float | None) -> None:
    """Print what became slower, larger or wrong from one run to another.

    Raises:
        UserError: if a folder is not that of a run, if the runs have no case in common, and once all is
            printed, if lines of a journal cannot be read, or if regressions are asked for and no method's
            times can be told from noise.
        typer.Exit: with status 1 on a regression, if asked for.
    """
    folders = [run_folder(one) for one in (before, after)]
    environments = [one.about().environment for one in folders]
    readings = [one.journal.read() for one in folders]
    matched = match(*(reading.entries for reading in readings))
    if not matched.pairs:
        alike = f"; {matched.other_inputs} have other inputs" if matched.other_inputs else ""
        raise UserError(
            f"{before} and {after} have no case in common{alike}: runs of one suite and its options have"
        )
    changes, others = method_changes(matched), otherwise(matched)
    output = standard_output()
    for table in (method_table(changes, matched.pace), case_table(matched), otherwise_table(others)):
        if table.lines:
            output.print(terminal_table(table))
    warn(differing(*environments))
    warn(warning for folder in folders for warning in folder.clock_warnings())
    for sentence in _account(matched, changes):
        say(sentence)
    bad_lines = [line for reading in readings for line in reading.bad_lines]
    print_lines("left out", bad_lines)
    if fail_above is not None:
        _refuse(regressions(matched, changes, others, fail_above), changes)
    if bad_lines:
        raise UserError(f"{len(bad_lines)} lines of the journals cannot be read and are left out")


def _refuse(found: list[str], changes: list[MethodChange]) -> None:
    for sentence in found:
        say(f"regression: {sentence}")
    if found:
        raise typer.Exit(1)
    if all(one.p is None for one in changes):
        raise UserError(
            f"no method's times can be told from noise: that takes several problems with {FEWEST} methods or "
            "more, timed in both runs"
        )


def _account(matched: Matched, changes: list[MethodChange]) -> list[str]:
    counts = [f"{len(matched.pairs)} cases in both"]
    counts += [f"{matched.only_before} only before"] if matched.only_before else []
    counts += [f"{matched.only_after} only after"] if matched.only_after else []
    said = [", ".join(counts)]
    if matched.other_inputs:
        said.append(f"{matched.other_inputs} cases with other inputs than before are left out")
    untimed = sum(pair.ratio is None for pair in matched.pairs)
    if untimed:
        said.append(f"{untimed} of the cases in both were not timed in both")
    if not changes:
        said.append(f"no problem has {FEWEST} methods that were timed in both: no times are compared")
    return said
