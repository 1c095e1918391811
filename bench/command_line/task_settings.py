"""Options that set up a task, which several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from .complete import complete

TaskName = Annotated[
    str, typer.Option(help="A task by name; see `hgb list`.", autocompletion=complete("tasks"))
]
Noise = Annotated[float | None, typer.Option(help="Standard deviation of the noise; white is 1.")]
Kernel = Annotated[
    Path | None,
    typer.Option(help="A blur kernel: .mat, .npy, .npz, HDF5, or a grey image; see docs/files.md."),
]
Index = Annotated[int, typer.Option(min=0, help="Which kernel of the file.")]
Width = Annotated[float | None, typer.Option(help="Standard deviation of a Gaussian blur, in pixels.")]
Factor = Annotated[int | None, typer.Option(min=1, help="By how much super-resolution enlarges.")]
Mask = Annotated[
    Path | None, typer.Option(help="A mask: which pixels are known, which frequencies measured.")
]
Marks = Annotated[str, typer.Option(help="What the mask's marks mean: known or missing.")]
Centred = Annotated[
    bool | None, typer.Option("--centred", help="Frequency zero is in the middle of mask and measurement.")
]
Solver = Annotated[
    str | None,
    typer.Option(help="Another solver than the one that suits it.", autocompletion=complete("solvers")),
]
Plugin = Annotated[list[Path] | None, typer.Option(help="A Python file with the model's class, or a task.")]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
