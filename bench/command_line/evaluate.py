"""`hgb evaluate`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..commands.form import Form
from ..grid.limits import MOST_STEPS
from .start_jax import start_jax
from .task_settings import (
    Centred,
    Device,
    Factor,
    Index,
    Kernel,
    Marks,
    Mask,
    Noise,
    Plugin,
    Solver,
    TaskName,
    Width,
)


def evaluate(
    images: Annotated[Path, typer.Option(help="The folder of the images to judge by.")],
    model: Annotated[
        list[Path] | None, typer.Option(help="The folder of a saved regulariser; can be repeated.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="tv, tv-isotropic, dct or wavelets, tuned; can be repeated."),
    ] = None,
    tune: Annotated[
        Path | None, typer.Option(help="A folder of other images, on which weights are tuned.")
    ] = None,
    color: Annotated[
        bool, typer.Option("--color", help="R, G and B of the images; else their luma.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the noise, and of what is random in a task.")] = 0,
    form: Annotated[Form, typer.Option("--format", help="How to print.")] = Form.TERMINAL,
    task: TaskName = "denoising",
    noise: Noise = None,
    kernel: Kernel = None,
    index: Index = 0,
    width: Width = None,
    factor: Factor = None,
    mask: Mask = None,
    marks: Marks = "known",
    centred: Centred = None,
    solver: Solver = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, max=MOST_STEPS, help="Steps of a solver at most.")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Relative residual to stop at, below 1.")] = None,
    plugin: Plugin = None,
    device: Device = "cpu",
) -> None:
    """Measure and restore every image of a folder: PSNR and SSIM of each and their means.

    Each image is measured once, the same for every regulariser. With --tune the strength of each is the one
    with the largest mean PSNR on other images; a baseline needs that, as it has no weight of its own. The
    folders must not share an image, whatever its name or format.

    Examples:
        hgb evaluate --model trained --images test --noise 0.1

        hgb evaluate --model trained --baseline tv --baseline dct --images test --tune train --format csv
    """
    start_jax()
    from ..commands import evaluate as command
    from ..restoring.task_options import TaskOptions

    command.evaluate(
        command.EvaluationRequest(
            images,
            tuple(model or ()),
            tuple(baseline or ()),
            tune,
            color,
            seed,
            form,
            TaskOptions(task, noise, kernel, index, width, factor, mask, marks, centred),
            solver,
            max_steps,
            tolerance,
            tuple(plugin or ()),
            device,
        )
    )
