"""`hgb rerun`: its options."""

from typing import Annotated

import typer

from .shared_options import OfRun, RecordId
from .start_jax import start_jax


def rerun(
    record_id: RecordId,
    run: OfRun = None,
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
