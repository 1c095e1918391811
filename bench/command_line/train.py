"""`hgb train`: its options."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from ..errors import UserError, nearest
from ..training.choices import FailedSteps, Keeping, Schedule, Starts
from .complete import complete
from .start_jax import start_jax


def train(
    regularizer: Annotated[
        str, typer.Option(help="A regulariser by name.", autocompletion=complete("regularizers"))
    ] = "analysis-l1",
    task: Annotated[
        str, typer.Option(help="A task by name.", autocompletion=complete("tasks"))
    ] = "denoising",
    method: Annotated[
        str | None,
        typer.Option(
            help="Which gradient, such as one-step or 'phantom(steps=5)'; else an exact one that fits.",
            autocompletion=complete("methods"),
        ),
    ] = None,
    solver: Annotated[
        str | None,
        typer.Option(
            help="Which solver, such as admm or 'lbfgs(memory=5)'; else the first that fits.",
            autocompletion=complete("solvers"),
        ),
    ] = None,
    size: Annotated[str, typer.Option(help="Of signals or crops: 64, 32x32, or 32x32x3 in colour.")] = "64",
    data: Annotated[
        str | None, typer.Option(help="Generated signals or images by name.", autocompletion=complete("data"))
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="A folder of PNG, JPEG, BMP, TIFF or .npy images.")
    ] = None,
    pairs: Annotated[int, typer.Option(min=1, help="Signals or crops to train on.")] = 200,
    batch: Annotated[int, typer.Option(min=1, help="Pairs per step.")] = 5,
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 1000,
    optimizer: Annotated[str, typer.Option(help="Of optax, such as adam or 'sgd(momentum=0.9)'.")] = "adam",
    rate: Annotated[float, typer.Option(help="The learning rate.")] = 1e-2,
    schedule: Annotated[str, typer.Option(help="Of the rate: constant, or cosine down to 1%.")] = "constant",
    learn: Annotated[
        list[str] | None, typer.Option(help="Only this parameter, such as weight or W; can be repeated.")
    ] = None,
    keep: Annotated[
        str,
        typer.Option(help="What keeps weights in their range: projection, or exp or softplus of a number."),
    ] = "projection",
    noise: Annotated[float | None, typer.Option(help="Standard deviation of the noise.")] = None,
    weight: Annotated[float | None, typer.Option(help="Starting weight of the regulariser.")] = None,
    dtype: Annotated[str, typer.Option(help="float64 or float32.")] = "float64",
    max_steps: Annotated[int | None, typer.Option(min=1, help="Steps of the solver at most.")] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Relative residual at which solvers stop; else 1e-6, float32 1e-5.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of pairs, noise, start and shuffles.")] = 0,
    starts: Annotated[
        str, typer.Option(help="warm: solves begin at the pair's last solution; cold: at nothing.")
    ] = "warm",
    failed_steps: Annotated[
        str, typer.Option(help="skip or take steps whose solve or adjoint missed its tolerance.")
    ] = "skip",
    devices: Annotated[int, typer.Option(min=1, help="Devices that share every batch.")] = 1,
    curve_every: Annotated[
        int | None, typer.Option(min=1, help="Steps between two lines of the curve; else some 2000 lines.")
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="A Python file whose classes can be named.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The training's folder; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the training in this folder.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Learn a regulariser from pairs of signals or images, with any method, solver and optimiser.

    Every method sees the same batches. Curve and state are written on the way: a training that was stopped,
    also by kill -9, goes on with --resume to the same bits. The exit status is 2 if training diverges; the
    last good parameters are kept.

    Examples:
        hgb train --steps 2000 --out learned

        hgb train --images photos/ --regularizer fields-of-experts --size 64x64 --batch 8

        hgb train --regularizer wavelet-l1 --task deconvolution --size 32x32x3 --method closed-form

        hgb train --resume learned
    """
    words: dict[str, Any] = {
        "schedule": _one_of("--schedule", schedule, get_args(Schedule)),
        "keeping": _one_of("--keep", keep, get_args(Keeping)),
        "starts": _one_of("--starts", starts, get_args(Starts)),
        "failed_steps": _one_of("--failed-steps", failed_steps, get_args(FailedSteps)),
        "dtype": _one_of("--dtype", dtype, ("float64", "float32")),
    }
    start_jax()
    from ..commands import train as command
    from ..training.request import TrainingRequest

    request = TrainingRequest(
        regularizer=regularizer,
        task=task,
        method=method,
        solver=solver,
        size=size,
        data=data,
        images=images,
        plugins=tuple(plugin or ()),
        pairs=pairs,
        batch=batch,
        steps=steps,
        optimizer=optimizer,
        rate=rate,
        learn=tuple(learn or ()),
        noise=noise,
        weight=weight,
        max_steps=max_steps,
        tolerance=tolerance,
        seed=seed,
        devices=devices,
        curve_every=curve_every,
        **words,
    )
    command.train(request, out, resume, device)


def _one_of(option: str, given: str, accepted: tuple[str, ...]) -> str:
    if given not in accepted:
        raise UserError(nearest(given, accepted, kind=option))
    return given
