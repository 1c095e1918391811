"""`hgb compare-training`: one problem, trained by several methods."""

import shlex
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from ..distributing.cluster import Workers, cluster, require_cluster, shares
from ..errors import UserError
from ..machine.device import use_device
from ..progress import RunProgress
from ..report.page import print_page, write_page
from ..runs.comparison import TrainingComparison, plan_comparison, plan_comparison_again
from ..runs.folder import new_folder
from ..runs.training_on_workers import trained_on
from ..runs.training_pages import page_of_comparison
from ..training.request import TrainingRequest
from .measuring import kept_on_refusal, typed
from .notices import say


def compare_training(
    methods: Sequence[str],
    request: TrainingRequest,
    out: Path | None,
    resume: Path | None,
    device: str,
    workers: Workers | None,
) -> None:
    """Train with every method in turn, and show how far each came.

    Raises:
        UserError: for what cannot be asked for.
        typer.Exit: with status 130, on an interrupt.
    """
    if workers is not None:
        require_cluster(workers)
    use_device(device, spare=workers is not None)
    if resume is None:
        folder = new_folder(out, "compare-training")
        comparison = plan_comparison(methods, request, folder, typed())
    elif methods or out is not None:
        raise UserError(
            "--resume takes its options from the folder; give no others but --device and the workers"
        )
    else:
        comparison = plan_comparison_again(resume)
    try:
        if workers is not None:
            _train_on(workers, comparison, device)
        else:
            for method in comparison.methods:
                _train(comparison, method)
    except KeyboardInterrupt:
        say(f"stopped; what is done is kept: hgb compare-training --resume {comparison.folder} goes on")
        raise typer.Exit(130) from None
    page = page_of_comparison(comparison.folder).page
    write_page(page, comparison.folder)
    print_page(page)
    Console().print(Text(f"Trainings, table and figure are in {comparison.folder}"), soft_wrap=True)


def _train_on(workers: Workers, comparison: TrainingComparison, device: str) -> None:
    own = shares(workers.here) if workers.here else []
    with cluster(workers) as client, RunProgress(len(comparison.methods)) as progress:
        for method in trained_on(client, comparison, typed(), device, own, progress.begin):
            say(f"{method}: trained")
            progress.advance(1)


def _train(comparison: TrainingComparison, method: str) -> None:
    """Train with one method; one that diverges or is stuck is a row like the others."""
    with comparison.started(method, typed()) as running:
        say(f"{method}: {running.done} of {running.steps} steps made, in {running.plan.folder}")
        resume = f"hgb compare-training --resume {shlex.quote(str(comparison.folder))}"
        with RunProgress(running.steps, before=running.done) as progress, kept_on_refusal(resume):
            running.run(progress)
        running.save_learned()
