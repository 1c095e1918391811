"""`hgb merge`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .start_jax import start_jax


def merge(
    folders: Annotated[list[Path], typer.Argument(help="Folders of runs, measured alike.")],
    out: Annotated[Path | None, typer.Option(help="The merged run's folder; new or empty.")] = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="Of a case that several measured, take the newest record.")
    ] = False,
) -> None:
    """Put the records of several runs of one suite into one run: parts that were measured one by one.

    They must be of one version and one environment, since tables compare their times.

    Examples:
        hgb merge results/local/denoising results/local/inpainting --out results/local/both
    """
    start_jax()
    from ..commands.merge import merge_folders

    merge_folders(folders, out, newest)
