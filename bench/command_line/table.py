"""`hgb table`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..commands.form import Form


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
    from ..commands.table import print_table

    print_table(folder, form, write)
