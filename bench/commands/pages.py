"""`hgb table` of folders whose results are a page: reproductions, trainings and comparisons of these."""

from collections.abc import Sequence
from pathlib import Path

import typer

from ..errors import UserError
from ..records.line_file import BadLine
from ..report.comma_separated import csv_of_cells
from ..report.latex import latex_table
from ..report.page import Page, page_markdown, print_page, write_page, write_page_figures
from ..report.terminal import print_lines
from ..runs.reproduction_file import reproduction_folder
from ..runs.reproduction_page import page_of, write_page_of
from ..runs.training_file import is_comparison
from ..runs.training_pages import page_of_comparison, page_of_training
from .form import FigureForm, Form
from .notices import say, warn


def print_folder(folder: Path, form: Form, write: bool, figures: FigureForm) -> None:
    """Print the page of a reproduction, a training or a comparison of trainings, and write it anew.

    Raises:
        UserError: if lines are left out, once the page of the others is printed.
    """
    if reproduction_folder(folder).about_path.exists():
        _print_reproduction(folder, form, write, figures)
    else:
        _print_training(folder, form, write, figures)


def _print_reproduction(folder: Path, form: Form, write: bool, figures: FigureForm) -> None:
    """Print the page of a reproduction, and write it anew.

    Raises:
        UserError: if lines of its rows are left out, once the page of the others is printed.
    """
    files = reproduction_folder(folder)
    page, left_out = page_of(folder)
    _print(page, form)
    if write:
        write_page_of(folder, page)
        _write_figures(page, folder, figures)
    _refuse_lines(
        left_out,
        f"{len(left_out)} lines of {files.journal.path} are left out; `{files.resume}` sets aside what "
        f"is no case, in {files.journal.rejected.name}, and measures what is missing",
    )


def _print_training(folder: Path, form: Form, write: bool, figures: FigureForm) -> None:
    """Print the page of a training, or of a comparison of trainings, and write it anew.

    Raises:
        UserError: if lines of a curve are left out, once the page of the others is printed.
    """
    shown = (page_of_comparison if is_comparison(folder) else page_of_training)(folder)
    _print(shown.page, form)
    if write:
        write_page(shown.page, folder)
        _write_figures(shown.page, folder, figures)
    _refuse_lines(
        shown.left_out,
        f"{len(shown.left_out)} lines of the curve are left out; `{shown.resume}` sets aside what is no step",
    )


def _write_figures(page: Page, folder: Path, form: FigureForm) -> None:
    if form is not FigureForm.PNG:
        for path in write_page_figures(page, folder, form.value):
            say(f"a figure is {path}")


def _print(page: Page, form: Form) -> None:
    if form is Form.TERMINAL:
        print_page(page)
    elif form is Form.CSV:
        typer.echo(csv_of_cells(page.sections), nl=False)
    elif form is Form.LATEX:
        typer.echo("\n".join(map(latex_table, page.sections)), nl=False)
    else:
        typer.echo(page_markdown(page), nl=False)
    warn(page.warnings)


def _refuse_lines(left_out: Sequence[BadLine], sentence: str) -> None:
    if left_out:
        print_lines("left out", left_out)
        raise UserError(sentence)
