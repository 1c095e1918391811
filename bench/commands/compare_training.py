"""`hgb compare-training`: one problem, trained by several methods."""

from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.text import Text

from ..errors import UserError
from ..machine.device import use_device
from ..progress import RunProgress
from ..report.page import print_page, write_page
from ..runs.comparison import TrainingComparison, plan_comparison, plan_comparison_again
from ..runs.folder import new_folder
from ..runs.training_pages import page_of_comparison
from ..training.request import TrainingRequest
from .measuring import typed
from .notices import say


def compare_training(
    methods: Sequence[str], request: TrainingRequest, out: Path | None, resume: Path | None, device: str
) -> None:
    """Train with every method in turn, and show how far each came.

    Raises:
        UserError: for what cannot be asked for.
        typer.Exit: with status 130, on an interrupt.
    """
    use_device(device)
    if resume is None:
        folder = new_folder(out, "compare-training")
        comparison = plan_comparison(methods, request, folder, typed())
    elif methods or out is not None:
        raise UserError("--resume takes its options from the folder; give no others but --device")
    else:
        comparison = plan_comparison_again(resume)
    try:
        for method in comparison.methods:
            _train(comparison, method)
    except KeyboardInterrupt:
        say(f"stopped; what is done is kept: hgb compare-training --resume {comparison.folder} goes on")
        raise typer.Exit(130) from None
    page = page_of_comparison(comparison.folder).page
    write_page(page, comparison.folder)
    print_page(page)
    Console().print(Text(f"Trainings, table and figure are in {comparison.folder}"), soft_wrap=True)


def _train(comparison: TrainingComparison, method: str) -> None:
    """Train with one method; one that diverges or is stuck is a row like the others."""
    with comparison.started(method, typed()) as running:
        say(f"{method}: {running.done} of {running.steps} steps made, in {running.plan.folder}")
        with RunProgress(running.steps, before=running.done) as progress:
            running.run(progress)
        running.save_learned()
