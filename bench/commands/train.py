"""`hgb train`: learn a regulariser."""

from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from ..distributing.cluster import Workers, cluster, require_cluster, shares
from ..errors import UserError
from ..machine.device import use_device
from ..progress import RunProgress
from ..records.curve_point import CurvePoint
from ..report.terminal import print_lines
from ..runs.folder import new_folder
from ..runs.training_file import training_folder
from ..runs.training_on_workers import trained_elsewhere
from ..runs.training_run import (
    RunningTraining,
    TrainingPlan,
    plan_new_training,
    plan_training_again,
    started_training,
)
from ..training.request import TrainingRequest
from ..training.training_step import DIVERGED, STUCK
from .measuring import kept_on_refusal, typed
from .notices import say


def train(
    request: TrainingRequest, out: Path | None, resume: Path | None, device: str, workers: Workers | None
) -> None:
    """Train, or go on with a training, and keep the regulariser that it learned.

    Raises:
        UserError: for what cannot be asked for; if training diverges, is stuck, or takes no step.
        typer.Exit: with status 130, on an interrupt.
    """
    if workers is not None:
        if (workers.here or 1) > 1:
            raise UserError(f"one training has one worker: give --workers 1; got {workers.here}")
        require_cluster(workers)
    use_device(device, spare=workers is not None)
    plan = _resumed(resume, request, out) if resume else plan_new_training(request, new_folder(out, "train"))
    folder = training_folder(plan.folder)
    try:
        if workers is not None:
            _train_on(workers, plan, device)
            plan = plan_training_again(plan.folder)
        with started_training(plan, typed()) as running:
            print_lines(f"set aside in {folder.journal.rejected.name}", running.opened.writer.rejected)
            say(_beginning(running))
            with RunProgress(running.steps, before=running.done) as progress, kept_on_refusal(folder.resume):
                running.run(progress)
            running.save_learned()
            _end(running)
    except KeyboardInterrupt:
        say(f"stopped; state and curve are kept: {folder.resume} goes on")
        raise typer.Exit(130) from None


def _train_on(workers: Workers, plan: TrainingPlan, device: str) -> None:
    own = shares(workers.here) if workers.here else []
    with cluster(workers) as client, RunProgress(1) as progress:
        trained_elsewhere(client, plan, typed(), device, own, progress.begin)
        progress.advance(1)


def _beginning(running: RunningTraining) -> str:
    choices = running.plan.planned.choices()
    way = choices.get("upper level") or f"{choices['method']} with {choices['solver']}"
    return (
        f"{running.done} of {running.steps} steps made, in {running.plan.folder}: {way}, "
        f"{choices['regularizer']}, {choices['task']}"
    )


def _end(running: RunningTraining) -> None:
    """Say how it went; raise `UserError` if that is not well."""
    folder, points = running.plan.folder, running.curve()
    ended = int(running.now.state.ended)
    if ended == DIVERGED:
        raise UserError(
            f"training diverged at step {running.done} of {running.steps} (loss {points[-1].loss}); the last "
            f"good parameters are kept in {folder}: a lower --rate, --keep exp or another --weight may help"
        )
    if ended == STUCK:
        raise UserError(_stuck(running, points[-1]))
    for line in (
        _course(points, running.not_taken()),
        f"The regulariser, its curve and state are in {folder}",
    ):
        Console(highlight=False).print(Text(line), soft_wrap=True)


def _stuck(running: RunningTraining, last: CurvePoint) -> str:
    at = f"at step {running.done} of {running.steps}"
    patience, folder = running.trainer.patience, running.plan.folder
    if last.level is not None:
        return (
            f"training ended {at}: in the last {patience} steps none could be trusted (gradient norm "
            f"{last.gradient_norm}, bound of its error {last.level.gradient_bound}), as at a stationary "
            f"point or at the limits of the dtype; the parameters are kept in {folder}: more --max-steps "
            "or a smaller --rate may help"
        )
    return (
        f"training is stuck {at}: the last {patience} steps failed (residual {last.residual}); the last good "
        f"parameters are kept in {folder}: more --max-steps, a looser --tolerance or --failed-steps take may "
        "help"
    )


def _course(points: tuple[CurvePoint, ...], missed: int) -> str:
    """Say from where to where the curve goes, and how many steps were not taken."""
    if not points:
        return "The curve is empty."
    first, last = points[0], points[-1]
    skipped = f"; steps that were not taken: {missed}, see curve.jsonl" if missed else ""
    return (
        f"Loss {first.loss:.3e} at the first batch and {last.loss:.3e} at the last, PSNR {first.psnr:.2f} "
        f"and {last.psnr:.2f} dB{skipped}."
    )


def _resumed(folder: Path, given: TrainingRequest, out: Path | None) -> TrainingPlan:
    if given != TrainingRequest() or out is not None:
        raise UserError(
            "--resume takes its options from the training's folder; give no others but --device and the "
            "workers"
        )
    return plan_training_again(folder)
