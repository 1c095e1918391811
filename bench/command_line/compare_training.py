"""`hgb compare-training`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..grid.limits import MOST_STEPS
from . import training_options as option
from .complete import complete
from .shared_options import Scheduler, Workers
from .start_jax import start_jax


def compare_training(
    method: Annotated[
        list[str] | None,
        typer.Option(
            help="A method, such as one-step or 'phantom(steps=5)'; give two or more.",
            autocompletion=complete("methods"),
        ),
    ] = None,
    regularizer: option.Regularizer = "analysis-l1",
    task: option.Task = "denoising",
    solver: option.Solver = None,
    size: option.Size = "64",
    data: option.Data = None,
    images: option.Images = None,
    pairs: option.Pairs = 200,
    batch: option.Batch = 5,
    steps: option.Steps = 1000,
    optimizer: option.Optimizer = "adam",
    rate: option.Rate = 1e-2,
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
    look_every: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_STEPS, help="Steps between two looks; else some 20 looks."),
    ] = None,
    test_pairs: option.TestPairs = 20,
    plugin: option.Plugin = None,
    out: Annotated[Path | None, typer.Option(help="The folder of all trainings; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the comparison in this folder.")] = None,
    device: option.Device = "cpu",
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Train one problem by several methods, on the same batches: PSNR against steps and against seconds.

    On the way the gradient of each is compared with an exact one, and held-out pairs are restored: did a
    wrong gradient end in a worse regulariser? Every method has a folder of its own, as of `hgb train`.

    Examples:
        hgb compare-training --method closed-form --method one-step --method unrolled

        hgb compare-training --resume results/local/20260101-120000-compare-training
    """
    words = option.words(schedule, keep, starts, failed_steps, dtype)
    start_jax()
    from ..commands import compare_training as command
    from ..distributing.cluster import workers_asked_for
    from ..training.request import TrainingRequest

    on = workers_asked_for(workers, scheduler, device)
    request = TrainingRequest(
        regularizer=regularizer,
        task=task,
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
        look_every=look_every or -(-steps // 20),
        test_pairs=test_pairs,
        **words,
    )
    command.compare_training(tuple(method or ()), request, out, resume, device, on)
