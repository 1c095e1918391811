"""`hgb train-denoiser`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UserError
from ..grid.limits import LARGEST_SEED, MOST_STEPS
from ..training.settings import Goal, Training
from .start_jax import start_jax


def train_denoiser(
    out: Annotated[Path, typer.Option(help="The file of the weights, .safetensors.")],
    goal: Annotated[str, typer.Option(help="denoiser or potential.")] = "denoiser",
    steps: Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Steps of Adam.")] = Training().steps,
    batch: Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Crops per step.")] = Training().batch,
    side: Annotated[int, typer.Option(min=8, help="Pixels along a side of a crop.")] = Training().side,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Of start, crops and noise.")] = 0,
    pause: Annotated[
        int | None, typer.Option(min=1, max=MOST_STEPS, help="Stop after so many steps of this call.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Train the small DRUNet that comes with the package, on scikit-image's photographs.

    The examples make the files that come with it.

    The state lies beside the file of the weights: the same command goes on where one was stopped.

    Examples:
        hgb train-denoiser --out denoiser.safetensors

        hgb train-denoiser --goal potential --steps 600 --out potential.safetensors
    """
    training = Training(_goal(goal), steps, batch, side, seed=seed)
    start_jax()
    from ..commands import train_denoiser as command

    command.train_denoiser(training, out, pause, device)


def _goal(name: str) -> Goal:
    if name == "denoiser" or name == "potential":
        return name
    raise UserError(f"--goal is {name!r}; denoiser and potential are accepted")
