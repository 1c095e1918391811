"""`hgb show`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .shared_options import OfRun, RecordId
from .start_jax import start_jax


def show(
    record_id: RecordId,
    run: OfRun = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw its residuals and its gradient: a .png, .pdf or .svg file.")
    ] = None,
) -> None:
    """Show one record in full: every figure, the hashes of its inputs, and a program that makes it by hand.

    With --picture the case is solved and differentiated anew, untimed.

    Example:
        hgb show 3f2a91c04d5e --picture gradient.png
    """
    start_jax()
    from ..commands import show as command

    command.show(record_id, run, picture)
