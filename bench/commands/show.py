"""`hgb show`: one record in full."""

from collections.abc import Mapping
from pathlib import Path

import jax
import numpy as np
import typer

from ..errors import UserError, unwritable
from ..failure import failure_of
from ..grid.by_hand import python_by_hand
from ..grid.case import Case
from ..machine.device import use_device
from ..records.record import Record
from ..report.terminal import standard_output, terminal_table
from ..report.text_table import TextTable
from .found_record import found_record

FORMATS = (".png", ".pdf", ".svg")


def show(record_id: str, run: Path | None, picture: Path | None) -> None:
    """Print all of a record and a program that reproduces it; draw its solve and its gradient, if asked for.

    Raises:
        UserError: if no record has the id, if this version's grid no longer holds its case, or if the picture
            has another format or cannot be written.
    """
    if picture is not None and picture.suffix not in FORMATS:
        raise UserError(f"a picture ends in {', '.join(FORMATS)}; got {str(picture)!r}")
    use_device("cpu")  # inputs are made in float64
    found = found_record(record_id, run)
    output = standard_output()
    output.print(terminal_table(_facts(found.record, found.folder)))
    output.print(terminal_table(_pairs("Inputs", "sha256, first digits", found.record.input_hashes)))
    output.print(terminal_table(_pairs("Where it was measured", "", found.record.environment)))
    typer.echo(python_by_hand(found.case), nl=False)
    if picture is not None:
        _draw(found.case, found.record, picture)
        typer.echo(f"# its solve and its gradient, computed anew: {picture}")


def _facts(record: Record, folder: Path) -> TextTable:
    return _pairs(f"Record {record.id} of {folder}", f"`{' '.join(record.command)}`", record.facts())


def _pairs(heading: str, text: str, values: Mapping[str, object]) -> TextTable:
    lines = [[name, str(value)] for name, value in values.items()]
    return TextTable(heading, text, ["field", "value"], lines, words=("value",))


def _draw(case: Case, record: Record, path: Path) -> None:
    from ..measure.seen_solve import seen_solve
    from ..report.panels import save_figure
    from ..report.seen_figure import seen_figure

    steps = case.contestant.budget.max_steps if record.steps_max is None else int(record.steps_max)
    try:
        seen = seen_solve(case, max(steps, 1))
    except Exception as error:  # a plug-in may raise anything
        raise UserError(f"the solve of {case.describe()} cannot be drawn: {failure_of(error)}") from error
    shown = len(seen.residuals) - 1
    followed = f"{shown} steps" if shown >= steps else f"the first {shown} of {steps} steps"
    leaves = jax.tree_util.tree_leaves_with_path(seen.gradient)
    gradient = {jax.tree_util.keystr(path)[1:]: np.asarray(leaf) for path, leaf in leaves}
    title = f"{case.describe()}\n{followed} on the first of its batch; the gradient of the whole batch"
    figure = seen_figure(title, np.asarray(seen.residuals), gradient)
    try:
        save_figure(figure, path)
    except OSError as error:
        raise unwritable(path, error) from error
