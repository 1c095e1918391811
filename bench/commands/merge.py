"""`hgb merge`: several runs as one."""

from collections.abc import Sequence
from pathlib import Path

import typer

from ..errors import UserError, refuse_taken
from ..machine.device import use_device
from ..report.terminal import print_lines
from ..runs.folder import new_folder
from ..runs.merged import merge_runs, read_part
from ..runs.run_file import run_folder
from .measuring import typed


def merge_folders(folders: Sequence[Path], out: Path | None, newest: bool) -> None:
    """Write a run that holds the records of several.

    Raises:
        UserError: if fewer than two are given, for what `merge_runs` refuses, and, once the run is written,
            if a line of a part's journal cannot be read.
    """
    if len({folder.resolve() for folder in folders}) < 2:
        raise UserError(f"two or more runs are merged; got {', '.join(map(str, folders))}")
    if out is not None:
        refuse_taken(out, "give a new one")
    use_device("cpu")  # which cases the runs asked for
    parts = [read_part(folder) for folder in folders]
    plan = merge_runs(parts, new_folder(out, "merged"), newest, typed())
    merged = run_folder(plan.folder)
    recorded = len(merged.recorded())
    rest = f"; `{merged.resume}` measures the others" if recorded < plan.cases else ""
    typer.echo(f"{plan.folder} holds {recorded} of {plan.cases} cases{rest}")
    typer.echo(f"`hgb table {plan.folder}` and `hgb report {plan.folder}` make its tables and its page")
    bad_lines = [line for part in parts for line in part.bad_lines]
    if bad_lines:
        print_lines("left out", bad_lines)
        raise UserError(f"{len(bad_lines)} lines of the journals cannot be read and are left out")
