"""`hgb reconstruct`: its options."""

from pathlib import Path
from typing import Annotated

import typer

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


def reconstruct(
    image: Annotated[Path, typer.Argument(help="The measurement: PNG, JPEG, BMP, TIFF or .npy.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The restored image: .png, .tif or .npy.")],
    model: Annotated[Path, typer.Option(help="The folder of a saved regulariser.")],
    task: TaskName = "denoising",
    noise: Noise = None,
    kernel: Kernel = None,
    index: Index = 0,
    width: Width = None,
    factor: Factor = None,
    mask: Mask = None,
    marks: Marks = "known",
    centred: Centred = None,
    weight: Annotated[float, typer.Option(help="Multiplies the regulariser: more is smoother.")] = 1.0,
    truth: Annotated[Path | None, typer.Option(help="The true image, for PSNR and SSIM.")] = None,
    bits: Annotated[str | None, typer.Option(help="8, 16 or float; else as the measurement has.")] = None,
    solver: Solver = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, max=MOST_STEPS, help="Steps of the solver at most.")
    ] = None,
    tolerance: Annotated[float | None, typer.Option(help="Relative residual to stop at, below 1.")] = None,
    plugin: Plugin = None,
    device: Device = "cpu",
) -> None:
    """Restore a measured image with a saved regulariser.

    The image is the measurement: noisy, blurred, with missing pixels, coarse, or the frequencies of an
    image. It is solved until the residual is small; the exit status is 2 where that is not reached, and the
    image is written all the same.

    Examples:
        hgb reconstruct noisy.png -o restored.png --model trained

        hgb reconstruct blurred.tif -o sharp.tif --model trained --task deconvolution --kernel kernel.mat

        hgb reconstruct holes.png -o filled.png --model trained --task inpainting --mask mask.png
    """
    start_jax()
    from ..commands import reconstruct as command
    from ..restoring.task_options import TaskOptions

    command.reconstruct(
        command.ReconstructionRequest(
            image,
            out,
            model,
            TaskOptions(task, noise, kernel, index, width, factor, mask, marks, centred),
            weight,
            truth,
            bits,
            solver,
            max_steps,
            tolerance,
            tuple(plugin or ()),
            device,
        )
    )
