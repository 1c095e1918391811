"""What several commands ask for alike."""

from pathlib import Path
from typing import Annotated

import typer

RecordId = Annotated[str, typer.Argument(help="A record's id, or the first digits of it.")]
OfRun = Annotated[
    Path | None,
    typer.Option(help="The run's folder; else results/ and the package's recorded runs are searched."),
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Measure side by side, by so many workers of this machine (Dask)."),
]
Scheduler = Annotated[
    str | None, typer.Option(help="Measure on the cluster of this Dask scheduler, tcp://HOST:PORT.")
]
