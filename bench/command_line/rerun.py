"""`hgb rerun`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .start_jax import start_jax


def rerun(
    record_id: Annotated[str, typer.Argument(help="A record's id, or the first digits of it.")],
    run: Annotated[
        Path | None,
        typer.Option(help="The run's folder; else results/ and the package's recorded runs are searched."),
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Measure one recorded case again, alone, and print both side by side. Nothing is written.

    Ids are in the tables and in records.jsonl. A case that is timed alone has no others between its rounds.

    Example:
        hgb rerun 3f2a91c04d5e --run results/local/20260101-120000-default
    """
    start_jax()
    from ..commands import rerun as command

    command.rerun(record_id, run, device)
