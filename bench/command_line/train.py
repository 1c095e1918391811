"""`hgb train`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..grid.limits import MOST_STEPS
from . import training_options as option
from .complete import complete
from .shared_options import Scheduler, Workers
from .start_jax import start_jax


def train(
    regularizer: option.Regularizer = "analysis-l1",
    task: option.Task = "denoising",
    method: Annotated[
        str | None,
        typer.Option(
            help="Which gradient, such as one-step or 'phantom(steps=5)'; else an exact one that fits.",
            autocompletion=complete("methods"),
        ),
    ] = None,
    solver: option.Solver = None,
    size: option.Size = "64",
    data: option.Data = None,
    images: option.Images = None,
    pairs: option.Pairs = 200,
    batch: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_STEPS, help="Pairs per step; else 5, and of maid and fixed-tolerances all."
        ),
    ] = None,
    steps: option.Steps = 1000,
    upper_level: Annotated[
        str | None,
        typer.Option(
            help="In the place of method and optimiser: steps that choose their accuracies, such as maid or "
            "'maid(accuracy=0.05)'.",
            autocompletion=complete("upper_levels"),
        ),
    ] = None,
    optimizer: Annotated[
        str | None, typer.Option(help="Of optax, such as 'sgd(momentum=0.9)'; else adam.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(help="The learning rate, else 0.01; of an upper level its first step."),
    ] = None,
    schedule: option.Schedule = "constant",
    learn: option.Learn = None,
    keep: option.Keep = "projection",
    noise: option.Noise = None,
    weight: option.Weight = None,
    dtype: option.Dtype = "float64",
    max_steps: option.MaxSteps = None,
    tolerance: option.Tolerance = None,
    seed: option.Seed = 0,
    starts: option.Starts = "warm",
    failed_steps: option.FailedSteps = "skip",
    devices: Annotated[int, typer.Option(min=1, max=MOST_STEPS, help="Devices that share every batch.")] = 1,
    curve_every: Annotated[
        int | None,
        typer.Option(
            min=1, max=MOST_STEPS, help="Steps between two lines of the curve; else some 2000 lines."
        ),
    ] = None,
    look_every: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_STEPS,
            help="Steps between two looks: PSNR of held-out pairs, error of the gradient.",
        ),
    ] = None,
    test_pairs: option.TestPairs = 20,
    plugin: option.Plugin = None,
    out: Annotated[Path | None, typer.Option(help="The training's folder; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the training in this folder.")] = None,
    device: option.Device = "cpu",
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Learn a regulariser from pairs of signals or images, with any method, solver and optimiser.

    --upper-level takes the place of method and optimiser by steps that choose how accurately they solve, such
    as MAID, whose descent is certified.

    Every method sees the same batches. Curve and state are written on the way: a training that was stopped,
    also by kill -9, goes on with --resume to the same bits. The exit status is 2 if training diverges; the
    last good parameters are kept.

    Examples:
        hgb train --steps 2000 --out learned

        hgb train --images photos/ --regularizer fields-of-experts --size 64x64 --batch 8

        hgb train --images photos/ --regularizer fields-of-experts --size 16x16 --upper-level maid

        hgb train --regularizer wavelet-l1 --task deconvolution --size 32x32x3 --method closed-form

        hgb train --resume learned
    """
    words = option.words(schedule, keep, starts, failed_steps, dtype)
    if upper_level is None:
        optimizer = "adam" if optimizer is None else optimizer
        rate, batch = 1e-2 if rate is None else rate, batch or 5
    start_jax()
    from ..commands import train as command
    from ..distributing.cluster import workers_asked_for
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
        upper_level=upper_level,
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
        look_every=look_every,
        test_pairs=test_pairs,
        **words,
    )
    command.train(request, out, resume, device, workers_asked_for(workers, scheduler, device))
