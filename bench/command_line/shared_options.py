"""What several commands ask for alike."""

from pathlib import Path
from typing import Annotated

import typer

from ..grid.limits import MOST_MEMORY

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
CaseSeconds = Annotated[
    float | None,
    typer.Option(
        min=1, help="Of another process that measures: how long it may be at one thing; else half an hour."
    ),
]
CaseMemory = Annotated[
    float | None,
    typer.Option(
        min=0.1,
        max=MOST_MEMORY,
        help="Of another process that measures: GiB at most; else 80% of the host's, shared out.",
    ),
]
