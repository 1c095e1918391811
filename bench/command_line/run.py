"""`hgb run`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from ..grid.limits import MOST_ROUNDS, MOST_SEEDS, MOST_STEPS
from .complete import complete
from .shared_options import CaseMemory, CaseSeconds, Scheduler, Workers
from .start_jax import start_jax


def run(
    suite: Annotated[
        str,
        typer.Option(help="A suite by name; `hgb list` describes them.", autocompletion=complete("suites")),
    ] = "default",
    task: Annotated[
        list[str] | None,
        typer.Option(help="Only this task; can be repeated.", autocompletion=complete("tasks")),
    ] = None,
    regularizer: Annotated[
        list[str] | None,
        typer.Option(help="Only this regulariser; can be repeated.", autocompletion=complete("regularizers")),
    ] = None,
    solver: Annotated[
        list[str] | None,
        typer.Option(help="Only this solver; can be repeated.", autocompletion=complete("solvers")),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(help="Only this method; can be repeated.", autocompletion=complete("methods")),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Another size, 64, 32x32, or 32x32x3 in colour; can be repeated.")
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float64 or float32; can be repeated.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=MOST_SEEDS, help="How many seeds, from 0.")] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Signals or images that share the regulariser.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="Ground truths by name; see `hgb list`.", autocompletion=complete("data")),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="A folder of PNG, JPEG, BMP, TIFF or .npy images.")
    ] = None,
    noise: Annotated[float | None, typer.Option(help="Standard deviation of the noise.")] = None,
    weight: Annotated[float | None, typer.Option(help="Weight of the regulariser.")] = None,
    max_steps: Annotated[
        int | None, typer.Option(max=MOST_STEPS, help="Steps of the solver at most.")
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(help="Relative residual at which solvers stop, below 1.")
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, max=MOST_ROUNDS, help="Exactly so many timing rounds.")
    ] = None,
    plugin: Annotated[
        list[Path] | None, typer.Option(help="A Python file whose classes join the grid.")
    ] = None,
    save_arrays: Annotated[
        bool, typer.Option("--save-arrays", help="Keep solutions, gradients, inputs.")
    ] = False,
    tables: Annotated[bool, typer.Option("--tables", help="Print the table of every problem too.")] = False,
    out: Annotated[Path | None, typer.Option(help="The run's folder; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    isolate: Annotated[
        bool | None,
        typer.Option(
            "--isolate/--no-isolate",
            help="Measure in another process, so that a case that crashes, hangs or takes too much memory "
            "costs itself alone; with --plugin unless --no-isolate.",
            show_default=False,
        ),
    ] = None,
    case_seconds: CaseSeconds = None,
    case_memory: CaseMemory = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
) -> None:
    """Measure every method on every problem of a suite, and say which is cheapest at which accuracy.

    One table per problem is in the folder; that of a single problem is printed too. Records are written as
    they are made: a run that was stopped goes on with --resume.

    Examples:
        hgb run --suite smoke

        hgb run --task denoising --regularizer analysis-l1 --size 128 --dtype float64

        hgb run --images photos/ --regularizer fields-of-experts --size 64x64

        hgb run --plugin my_method.py --method my-method --case-seconds 300 --case-memory 8

        hgb run --resume results/local/20260101-120000-default
    """
    start_jax()
    from ..commands.run import run_suite
    from ..distributing.cluster import workers_asked_for
    from ..grid.selection import Selection
    from ..isolation.limits import limits_asked_for

    selection = Selection(
        suite=suite,
        tasks=tuple(task or ()),
        regularizers=tuple(regularizer or ()),
        solvers=tuple(solver or ()),
        methods=tuple(method or ()),
        sizes=tuple(size or ()),
        dtypes=tuple(dtype or ()),
        seeds=seeds,
        batch=batch,
        data=data,
        images=images,
        noise=noise,
        weight=weight,
        max_steps=max_steps,
        tolerance=tolerance,
        rounds=rounds,
        plugins=tuple(plugin or ()),
        save_arrays=save_arrays,
    )
    on = workers_asked_for(workers, scheduler, device)
    limits = limits_asked_for(
        isolate, case_seconds, case_memory, bool(plugin), workers=on is not None, resumed=resume is not None
    )
    run_suite(selection, out, resume, device, tables, limits, on)
