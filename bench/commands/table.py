"""`hgb table`: tables and figures of a run."""

from pathlib import Path

import typer

from ..errors import UserError
from ..report.answer import answer_table
from ..report.latex import latex_table
from ..report.publish import answer_section, csv_text, page_of_table, write_tables
from ..report.render import print_answer, print_tables
from ..report.result_table import result_table
from ..report.tables import report_of
from ..report.terminal import print_lines
from ..runs.reproduction_file import reproduction_folder
from ..runs.run_file import run_folder
from ..runs.training_file import is_of_training
from .form import Form
from .notices import say, warn


def print_table(folder: Path, form: Form, write: bool) -> None:
    """Print the tables of a run, a reproduction or one or more trainings, and write them anew.

    Raises:
        UserError: if a line of the journal cannot be read, once the tables of the others are printed.
    """
    # What draws, and claims with the solvers that they measure: the tables of a run need neither.
    if reproduction_folder(folder).about_path.exists():
        from .pages import print_reproduction

        print_reproduction(folder, form, write)
        return
    if is_of_training(folder):
        from .pages import print_training

        print_training(folder, form, write)
        return
    files = run_folder(folder)
    reading = files.journal.read()
    report = report_of(reading.entries, files.clock_warnings())
    if form is Form.TERMINAL:
        print_answer(report)
        print_tables(report)
    elif form is Form.CSV:
        typer.echo(csv_text(report.tables), nl=False)
    elif form is Form.LATEX:
        tables = [answer_table(report.records), *map(result_table, report.tables)]
        typer.echo("\n".join(map(latex_table, tables)), nl=False)
    else:
        typer.echo("\n".join([answer_section(report, 1), *map(page_of_table, report.tables)]), nl=False)
    warn(report.warnings)
    if not reading.entries:
        say(f"{folder} has no record yet; `{files.resume}` goes on")
    if write:
        from ..report.figures import write_figures

        write_tables(report, folder)
        write_figures(report, folder)
    if reading.bad_lines:
        print_lines("left out", reading.bad_lines)
        raise UserError(
            f"{len(reading.bad_lines)} lines of the journal are left out; `{files.resume}` sets them aside "
            f"in {files.journal.rejected.name} and measures what is missing"
        )
