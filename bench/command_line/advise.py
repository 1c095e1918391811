"""`hgb advise`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from .complete import complete
from .start_jax import start_jax


def advise(
    size: Annotated[str, typer.Option(help="Shape of one signal or image: 64 or 256x256.")],
    params: Annotated[int, typer.Option(min=1, help="How many numbers you differentiate by.")],
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    memory: Annotated[str | None, typer.Option(help="The limit, such as 2GiB or 500MB.")] = None,
    accuracy: Annotated[float, typer.Option(help="Largest relative error of the hypergradient.")] = 1e-4,
    batch: Annotated[int, typer.Option(min=1, help="Signals or images at once.")] = 1,
    task: Annotated[
        str | None,
        typer.Option(help="A task by name; see `hgb list`.", autocompletion=complete("tasks")),
    ] = None,
    regularizer: Annotated[
        str | None,
        typer.Option(help="A regulariser by name; see `hgb list`.", autocompletion=complete("regularizers")),
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A run's folder; can be repeated. Else all of results/, and the package's recorded runs.",
        ),
    ] = None,
) -> None:
    """Say which method to use for a problem like mine, from recorded results; nothing is measured.

    Of every task and regulariser the nearest recorded problem is shown, how far it is from yours, and the
    methods that reach the accuracy there, the fastest first. Seconds and memory are those of the recorded
    problem: nothing is extrapolated.

    Example:
        hgb advise --size 256x256 --params 80 --memory 2GiB --accuracy 1e-4 --task deconvolution
    """
    start_jax()
    from ..commands.advise import asked, print_advice

    question = asked(size, params, dtype, memory, accuracy, batch, task, regularizer)
    print_advice(question, list(source or ()))
