"""`hgb table`: tables and figures of a run."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..errors import UserError
from ..figures import write_figures
from ..journal import Journal
from ..page import page_csv, page_markdown, print_page
from ..publish import csv_text, markdown, write_tables
from ..reproduce import ABOUT, page_of
from ..tables import make_tables
from .show import PIPED_WIDTH, print_tables


class Form(StrEnum):
    """How tables are printed."""

    TERMINAL = "terminal"
    MARKDOWN = "markdown"
    CSV = "csv"


def table(
    folder: Annotated[Path, typer.Argument(help="A run's folder.")],
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.TERMINAL,
    write: Annotated[bool, typer.Option(help="Write the folder's tables/ and figures/ anew.")] = True,
) -> None:
    """Print the tables of a run or a reproduction, finished or not, and write its tables and figures anew.

    A line of the journal that is no record is named and left out, and the exit status is 2.

    Examples:
        hgb table results/local/20260101-120000-default

        hgb table results/local/20260101-120000-default --format csv --no-write > results.csv
    """
    if (folder / ABOUT).exists():
        _reproduction(folder, form, write)
        return
    reading = Journal(folder).read()
    if form is Form.TERMINAL:
        print_tables(reading.records)
    elif form is Form.MARKDOWN:
        typer.echo("\n".join(markdown(one) for one in make_tables(reading.records)), nl=False)
    else:
        typer.echo(csv_text(make_tables(reading.records)), nl=False)
    if write:
        write_tables(reading.records, folder)
        write_figures(reading.records, folder)
    if reading.bad_lines:
        messages = Console(stderr=True, highlight=False)
        for line in reading.bad_lines:
            messages.print(Text(f"left out: {line}"), soft_wrap=True)
        raise UserError(
            f"{len(reading.bad_lines)} lines of the journal are no records; `hgb run --resume {folder}` sets "
            "them aside and measures what is missing"
        )


def _reproduction(folder: Path, form: Form, write: bool) -> None:
    page = page_of(folder, write)
    if form is Form.MARKDOWN:
        typer.echo(page_markdown(page), nl=False)
    elif form is Form.CSV:
        typer.echo(page_csv(page), nl=False)
    else:
        print_page(page, PIPED_WIDTH)
