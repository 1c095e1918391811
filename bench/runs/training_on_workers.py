"""A training, or each of those of a comparison, by one worker of a cluster."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ..distributing.handed_out import handed_out
from ..distributing.waiting import Piece
from ..distributing.worker import alone
from ..progress import RunProgress
from ..training.request import TrainingRequest
from .comparison import TrainingComparison, plan_comparison_again
from .training_file import training_folder
from .training_run import (
    RunningTraining,
    TrainingPlan,
    plan_new_training,
    plan_training_again,
    started_training,
)


def trained_on(
    client: Any,
    comparison: TrainingComparison,
    command: Sequence[str],
    device: str,
    shares: Sequence[Sequence[int]],
    begin: Callable[[str], None],
) -> Iterator[str]:
    """Train with every method, and yield the names of those that are done.

    Workers write into the comparison's folder, which has to be one that all of them see. A training whose
    worker dies goes on from the state that was kept last, on another one.

    Args:
        client: a `distributed.Client`.
        comparison: whose folder has been written.
        command: what was typed.
        device: what is computed on.
        shares: which processors each worker of this machine has; empty for all.
        begin: is told what is going on.

    Raises:
        UserError: if a worker cannot train, or one training is lost again and again.
    """
    folder, own = str(comparison.folder.resolve()), [list(one) for one in shares]
    pieces = [
        Piece(method, train_one, (folder, method, list(command), device, own))
        for method in comparison.methods
    ]
    yield from handed_out(client, pieces, begin)


def trained_elsewhere(
    client: Any,
    plan: TrainingPlan,
    command: Sequence[str],
    device: str,
    shares: Sequence[Sequence[int]],
    begin: Callable[[str], None],
) -> None:
    """Let one worker train, or go on with a training; the other arguments and errors are as in `trained_on`.

    Args:
        client: a `distributed.Client`.
        plan: the training, in a folder that workers see too.
        command: what was typed.
        device: what is computed on.
        shares: which processors each worker of this machine has; empty for all.
        begin: is told what is going on.
    """
    folder, request = str(plan.folder.resolve()), plan.planned.request.model_dump_json()
    arguments = folder, request, list(command), device, [list(one) for one in shares]
    for _ in handed_out(client, [Piece("the training", train_in, arguments)], begin):
        pass


def train_one(folder: str, method: str, command: list[str], device: str, shares: list[list[int]]) -> str:
    """Train with one method of a comparison, or go on with it; return its name.

    Args:
        folder: of the comparison.
        method: as it was asked for.
        command: what was typed.
        device: what is computed on.
        shares: which processors each worker of this machine has, by its name; empty for all.

    Raises:
        UserError: for a device or a folder that cannot be reached, or what the training refuses.
    """
    with alone(device, shares), plan_comparison_again(Path(folder)).started(method, command) as running:
        _train(running)
    return method


def train_in(folder: str, request: str, command: list[str], device: str, shares: list[list[int]]) -> None:
    """Train in a folder as a request says, or go on with the training that is there; see `train_one`."""
    path = Path(folder)
    with alone(device, shares):
        begun = training_folder(path).about_path.exists()
        asked = TrainingRequest.model_validate_json(request)
        plan = plan_training_again(path) if begun else plan_new_training(asked, path)
        with started_training(plan, command) as running:
            _train(running)


def _train(running: RunningTraining) -> None:
    unseen = Console(file=io.StringIO())
    with RunProgress(running.steps, before=running.done, console=unseen) as progress:
        running.run(progress)
    running.save_learned()
