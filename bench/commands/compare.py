"""`hgb compare`: two runs of the same cases."""

from pathlib import Path

import typer

from ..comparing.comparison_tables import case_table, differing, method_table, otherwise_table, regressions
from ..comparing.otherwise import otherwise
from ..comparing.paired import match
from ..comparing.slower import method_changes
from ..errors import UserError
from ..report.terminal import print_lines, standard_output, terminal_table
from ..runs.run_file import run_folder
from .notices import say, warn


def compare_runs(before: Path, after: Path, fail_above: float | None) -> None:
    """Print what became slower, larger or wrong from one run to another.

    Raises:
        UserError: if a folder is not that of a run, if the runs have no case in common, and once all is
            printed, if lines of a journal cannot be read.
        typer.Exit: with status 1 on a regression, if asked for.
    """
    folders = [run_folder(one) for one in (before, after)]
    environments = [one.about().environment for one in folders]
    readings = [one.journal.read() for one in folders]
    matched = match(*(reading.entries for reading in readings))
    if not matched.pairs:
        raise UserError(
            f"{before} and {after} have no case in common: runs of one suite and its options have"
        )
    changes, others = method_changes(matched), otherwise(matched)
    output = standard_output()
    for table in (method_table(changes, matched.pace), case_table(matched), otherwise_table(others)):
        if table.lines:
            output.print(terminal_table(table))
    warn(differing(*environments))
    warn(warning for folder in folders for warning in folder.clock_warnings())
    say(_account(len(matched.pairs), matched.only_before, matched.only_after))
    bad_lines = [line for reading in readings for line in reading.bad_lines]
    print_lines("left out", bad_lines)
    found = [] if fail_above is None else regressions(changes, others, fail_above)
    for sentence in found:
        say(f"regression: {sentence}")
    if found:
        raise typer.Exit(1)
    if bad_lines:
        raise UserError(f"{len(bad_lines)} lines of the journals cannot be read and are left out")


def _account(common: int, only_before: int, only_after: int) -> str:
    alone = [
        f"{number} only {when}" for number, when in ((only_before, "before"), (only_after, "after")) if number
    ]
    return f"{common} cases in both" + "".join(f", {one}" for one in alone)
