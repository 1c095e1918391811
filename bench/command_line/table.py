"""`hgb table`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..commands.form import Form


def table(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, a training, ...")],
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.TERMINAL,
    write: Annotated[bool, typer.Option(help="Write the folder's tables/ and figures/ anew.")] = True,
) -> None:
    """Print the tables of a run, a reproduction or a training, finished or not, and write them anew.

    A line of the journal or the curve that cannot be read is named and left out; the exit status is 2 then.

    Examples:
        hgb table results/local/20260101-120000-default

        hgb table learned --format markdown --no-write

        hgb table results/local/20260101-120000-default --format csv --no-write > results.csv
    """
    from ..commands.table import print_table

    print_table(folder, form, write)
