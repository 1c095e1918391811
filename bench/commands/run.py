"""`hgb run`: measure a suite."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from ..errors import UserError
from ..grid.selection import MOST_ROUNDS, MOST_SEEDS, MOST_STEPS, Selection
from ..machine.device import use_device
from ..report.figures import write_figures
from ..report.publish import write_tables
from ..report.render import print_tables
from ..report.tables import report_of
from ..runs.folder import new_folder
from ..runs.reproduce import built_in_reproductions
from ..runs.run import Plan, plan_again, plan_run, started
from ..runs.run_file import run_folder
from .measuring import measure, say, typed


def run(
    suite: Annotated[str, typer.Option(help="A suite by name; `hgb list` describes them.")] = "default",
    task: Annotated[list[str] | None, typer.Option(help="Only this task; can be repeated.")] = None,
    regularizer: Annotated[
        list[str] | None, typer.Option(help="Only this regulariser; can be repeated.")
    ] = None,
    solver: Annotated[list[str] | None, typer.Option(help="Only this solver; can be repeated.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only this method; can be repeated.")] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Another size, 64, 32x32, or 32x32x3 in colour; can be repeated.")
    ] = None,
    dtype: Annotated[list[str] | None, typer.Option(help="float64 or float32; can be repeated.")] = None,
    seeds: Annotated[int | None, typer.Option(min=1, max=MOST_SEEDS, help="How many seeds, from 0.")] = None,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Signals or images that share the regulariser.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="Ground truths by name; see `hgb list`.")] = None,
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
    out: Annotated[Path | None, typer.Option(help="The run's folder; new or empty.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Measure every method on every problem of a suite, and print a table a problem.

    Records are written as they are made: a run that was stopped goes on with --resume.

    Examples:
        hgb run --suite smoke

        hgb run --task denoising --regularizer analysis-l1 --size 128 --dtype float64

        hgb run --images photos/ --regularizer fields-of-experts --size 64x64

        hgb run --resume results/local/20260101-120000-default
    """
    use_device(device)
    if suite in built_in_reproductions():
        raise UserError(f"{suite!r} is a reproduction, not a suite: hgb reproduce {suite}")
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
    plan = _resumed(resume, selection, out) if resume else plan_run(selection, new_folder(out, suite))
    for line in plan.left_out:
        say(f"left out, as it does not fit together: {line}")
    measure(started(plan, typed()), run_folder(plan.folder))
    _finish(plan)


def _finish(plan: Plan) -> None:
    folder = run_folder(plan.folder)
    records = folder.journal.read().entries
    report = report_of(records)
    print_tables(report)
    write_tables(report, folder.path)
    write_figures(report, folder.path)
    Console().print(Text(f"Records, tables and figures are in {folder.path}"), soft_wrap=True)
    recorded = {record.id for record in records}
    missing = [case for group in plan.groups for case in group if case.id not in recorded]
    if missing:
        raise UserError(
            f"{len(missing)} of {plan.cases} cases have no record, the first one {missing[0].describe()}; "
            f"`{folder.resume}` measures them"
        )


def _resumed(folder: Path, given: Selection, out: Path | None) -> Plan:
    if given != Selection() or out is not None:
        raise UserError("--resume takes its options from the run's folder; give no others but --device")
    return plan_again(folder)
