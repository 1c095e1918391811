"""`hgb export`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..commands.form import ExportForm
from ..errors import UserError


def export(
    folder: Annotated[Path, typer.Argument(help="The folder of a run.")],
    form: Annotated[
        ExportForm, typer.Option("--format", help="A Parquet file, or a folder for `benchopt plot`.")
    ] = ExportForm.PARQUET,
    parquet: Annotated[bool, typer.Option("--parquet", help="The same as --format parquet.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file or the folder; here, named after the run, unless given.")
    ] = None,
) -> None:
    """Write the records of a run for other programs; needs the extra parquet.

    Examples:
        hgb export results/local/20260101-120000-default --parquet

        hgb export results/local/20260101-120000-frontier --format benchopt --out shown
    """
    from ..commands.export import export_run

    if parquet and form is ExportForm.BENCHOPT:
        raise UserError("--parquet and --format benchopt are two forms; give one of them")
    export_run(folder, form, out)
