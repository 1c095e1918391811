"""`hgb table`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..commands.form import FigureForm, Form, Width


def table(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, a training, ...")],
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.TERMINAL,
    write: Annotated[bool, typer.Option(help="Write the folder's tables/ and figures/ anew.")] = True,
    figures: Annotated[FigureForm, typer.Option(help="Figures in this form, beside PNG.")] = FigureForm.PNG,
    width: Annotated[
        Width, typer.Option(help="How wide a run's figures are: as a paper's column (3.4 in) or page (7 in).")
    ] = Width.SCREEN,
) -> None:
    """Print the tables of a run, a reproduction or a training, finished or not, and write them anew.

    A line of the journal or the curve that cannot be read is named and left out; the exit status is 2 then.

    Examples:
        hgb table results/local/20260101-120000-default

        hgb table learned --format markdown --no-write

        hgb table results/local/20260101-120000-default --format csv --no-write > results.csv

        hgb table results/local/20260101-120000-default --figures pdf --width column
    """
    from ..commands.table import print_table

    print_table(folder, form, write, figures, width)
