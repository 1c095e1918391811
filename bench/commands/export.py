"""`hgb export`: a run's records for other programs."""

from pathlib import Path

import typer

from ..errors import UserError, unwritable
from ..exporting.benchopt import write_benchopt
from ..exporting.parquet import parquet_of_records
from ..records.durable import replace_durably
from ..report.terminal import print_lines
from ..runs.run_file import run_folder
from .form import ExportForm
from .notices import warn


def export_run(folder: Path, form: ExportForm, out: Path | None) -> None:
    """Write a run's records as a Parquet file, or as a folder for `benchopt plot`.

    Raises:
        UserError: if the folder is not that of a run, if there is nothing to write, or it cannot be written;
            and, once it is, if it leaves out lines that cannot be read.
    """
    files = run_folder(folder)
    about, reading = files.about(), files.journal.read()
    name = folder.resolve().name
    if form is ExportForm.BENCHOPT:
        target = out or Path(f"{name}-benchopt")
        held = write_benchopt(reading.entries, about.environment, name, target)
        typer.echo(f"`benchopt plot {target}` draws {held} of {len(reading.entries)} records")
    else:
        target = out or Path(f"{name}.parquet")
        content = parquet_of_records(reading.entries, about.model_dump(mode="json"))
        try:
            replace_durably(target, content)
        except OSError as error:
            raise unwritable(target, error) from error
        typer.echo(f"{target} holds {len(reading.entries)} records")
    warn(files.clock_warnings())
    if reading.bad_lines:
        print_lines("left out", reading.bad_lines)
        raise UserError(f"{len(reading.bad_lines)} lines of the journal cannot be read and are left out")
