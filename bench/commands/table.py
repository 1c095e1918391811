"""`hgb table`: tables and figures of a run."""

from pathlib import Path

import typer

from ..errors import UserError
from ..records.line_file import uncollected
from ..report.answer import answer_table
from ..report.latex import latex_table
from ..report.publish import answer_section, csv_text, page_of_table, write_tables
from ..report.render import print_answer, print_tables
from ..report.result_table import result_table
from ..report.tables import Report, report_of
from ..report.terminal import print_lines
from ..runs.reproduction_file import reproduction_folder
from ..runs.run_file import run_folder
from ..runs.training_file import is_of_training
from .form import FigureForm, Form, Width
from .notices import say, warn


def print_table(folder: Path, form: Form, write: bool, figures: FigureForm, width: Width) -> None:
    """Print the tables of a run, a reproduction or one or more trainings, and write them and figures anew.

    Raises:
        UserError: if figures are asked for and nothing is to be written, or a width where figures have their
            own; if a line of the journal cannot be read, once the tables of the others are printed.
    """
    asked = (figures, width) != (FigureForm.PNG, Width.SCREEN)
    if asked and not write:
        raise UserError(
            "--figures and --width write files, and --no-write asks for none; give one or the other"
        )
    # What draws, and claims with the solvers that they measure: the tables of a run need neither.
    if reproduction_folder(folder).about_path.exists() or is_of_training(folder):
        from .pages import print_folder

        if width is not Width.SCREEN:
            raise UserError(
                f"--width is for figures of runs; {folder} is none, and the panels of its figures ask for "
                "theirs. `--figures pdf` alone makes them for a document, which can scale them"
            )
        print_folder(folder, form, write, figures)
    else:
        _print_run(folder, form, write, (figures, width) if asked else None)


def _print_run(folder: Path, form: Form, write: bool, figures: tuple[FigureForm, Width] | None) -> None:
    files = run_folder(folder)
    with uncollected():
        reading = files.journal.read()
        report = report_of(reading.entries, files.clock_warnings())
        _print_tables(report, form)
    warn(report.warnings)
    if not reading.entries:
        say(f"{folder} has no record yet; `{files.resume}` goes on")
    if write:
        from ..report.figures import write_figures

        write_tables(report, folder)
        write_figures(report, folder)
        if figures is not None:
            suffix, width = figures
            named = "" if width is Width.SCREEN else f"-{width}"
            for path in write_figures(report, folder, suffix.value, width.inches, named):
                say(f"a figure is {path}")
    if reading.bad_lines:
        print_lines("left out", reading.bad_lines)
        raise UserError(
            f"{len(reading.bad_lines)} lines of the journal are left out; `{files.resume}` sets them aside "
            f"in {files.journal.rejected.name} and measures what is missing"
        )


def _print_tables(report: Report, form: Form) -> None:
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
