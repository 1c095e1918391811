"""The trainings of a comparison, each by one worker of a cluster."""

import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ..distributing.handed_out import Piece, handed_out
from ..distributing.task import alone
from ..progress import RunProgress
from .comparison import TrainingComparison, plan_comparison_again


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
        unseen = Console(file=io.StringIO())
        with RunProgress(running.steps, before=running.done, console=unseen) as progress:
            running.run(progress)
        running.save_learned()
    return method
