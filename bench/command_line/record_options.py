"""What `hgb show` and `hgb rerun` ask for alike."""

from pathlib import Path
from typing import Annotated

import typer

RecordId = Annotated[str, typer.Argument(help="A record's id, or the first digits of it.")]
OfRun = Annotated[
    Path | None,
    typer.Option(help="The run's folder; else results/ and the package's recorded runs are searched."),
]
