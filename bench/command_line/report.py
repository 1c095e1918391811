"""`hgb report`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .start_jax import start_jax


def report(
    folders: Annotated[
        list[Path], typer.Argument(help="Folders of runs; or one of a reproduction, a training, ...")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The page; report.html in the folder, or here for several runs.")
    ] = None,
) -> None:
    """Write one page for a browser: the answer first, then charts, all records, and where they were measured.

    The page is one file and asks the network for nothing.

    Examples:
        hgb report results/local/20260101-120000-default

        hgb report results/before results/after --out both.html
    """
    start_jax()
    from ..commands.report import write_report

    write_report(folders, out)
