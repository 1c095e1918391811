"""Train one model on one task by every method, in turn, and judge what each reached."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ....problems import Regularizer
from ...machine.threads import fix_blas_threads
from ...measure.clock import balanced_order, time_once
from ...records.status import Status
from ...training.pairs import SplitPairs
from ...training.trainer import Trainer
from ...training.training_step import DIVERGED, LearningState, Measures, missed_steps
from ..relative_error import finite
from .contestants import METHODS, recipes
from .judge import Judge, TestedPsnr
from .problem import RestartedModel, TrainingSize, draw_pairs, image_shape
from .rows import TRAINING, ReachedBy, TrainedByRow


class Workshop(NamedTuple):
    """What trainings of one model on one task share, whatever the seed: compiled programs above all."""

    start: Regularizer
    trainers: Mapping[str, Trainer]
    judge: Judge


@dataclass
class TrainedPath:
    """What one training left, chunk by chunk; the start is the first of its regularisers."""

    regularizers: list[Any]
    seconds: list[float] = field(default_factory=list)
    losses: list[float | None] = field(default_factory=list)
    made: list[int] = field(default_factory=list)
    refused: int = 0
    missed_solve: bool = False
    diverged: bool = False

    def add(self, regularizer: Any, measures: Measures, seconds: float, tolerance: float) -> None:
        """Append a chunk."""
        missed = missed_steps(measures, tolerance)
        self.regularizers.append(regularizer)
        self.seconds.append(seconds + (self.seconds[-1] if self.seconds else 0.0))
        self.losses.append(finite(np.mean(measures.loss)) if measures.loss.size else None)
        self.made.append(measures.loss.size + (self.made[-1] if self.made else 0))
        self.refused += sum(missed)
        self.missed_solve |= missed.solve > 0

    def after(self, seconds: float) -> int:
        """Return how many chunks were done by then."""
        return int(np.searchsorted(self.seconds, seconds, side="right"))

    def outcome(self) -> tuple[Status, str]:
        """Say how it went."""
        if self.diverged:
            return Status.DIVERGED, f"the loss left the numbers, or exploded, at step {self.made[-1]}"
        if not self.refused:
            return Status.OK, ""
        status = Status.MAX_STEPS if self.missed_solve else Status.ADJOINT_MISSED
        return status, f"{self.refused} of {self.made[-1]} steps were not taken"


def measure_training(
    model: RestartedModel, task: str, seed: int, folder: Path | None, quick: bool
) -> list[TrainedByRow]:
    """Return a row for each method."""
    fix_blas_threads()
    size = model.size(quick)
    shape = image_shape(model, size.side, folder)
    pairs = draw_pairs(shape, task, size, seed, folder)
    shop = _workshop(model, task, folder, quick)
    trainers = {
        name: trainer.on(pairs.training.astype(model.dtype), seed) for name, trainer in shop.trainers.items()
    }
    paths = train_in_turn(trainers, size)
    whole = [path.seconds[-1] for path in paths.values() if path.made[-1] == size.steps and not path.diverged]
    equal = min(whole, default=None)
    start = shop.judge.psnr(shop.start, pairs.testing)
    rows: list[TrainedByRow] = []
    for name, path in paths.items():
        row: TrainedByRow = {
            **_reached(shop, name, path, pairs, size, start, equal),
            "what": TRAINING,
            "model": model.name,
            "task": task,
            "seed": seed,
            "quick": quick,
            "size": " x ".join(map(str, shape)),
            "method": name,
        }
        rows.append(row)
    return rows


def train_in_turn(trainers: Mapping[str, Trainer], size: TrainingSize) -> dict[str, TrainedPath]:
    """Train by all methods, chunk by chunk in turn, so that the machine's moods meet all of them."""
    states: dict[str, LearningState] = {name: trainer.start() for name, trainer in trainers.items()}
    paths = {}
    for name, trainer in trainers.items():
        trainer.advance(states[name], 1)  # the first call of a program is slower than all others
        paths[name] = TrainedPath([trainer.learned(states[name])])
    for done in range(size.steps // size.chunk):
        for name in balanced_order(list(trainers), done):
            trainer = trainers[name]
            advance = functools.partial(trainer.advance, states[name], size.chunk)
            (states[name], measures), seconds = time_once(advance)
            tolerance = float(trainer.recipe.budget.tolerance) or np.inf
            paths[name].add(trainer.learned(states[name]), measures, seconds, tolerance)
            paths[name].diverged = int(states[name].ended) == DIVERGED
    return paths


@functools.lru_cache(maxsize=1)
def _workshop(model: RestartedModel, task: str, folder: Path | None, quick: bool) -> Workshop:
    """Make what all seeds share; the pairs are those of the first, in whose place others are put."""
    size = model.size(quick)
    shape = image_shape(model, size.side, folder)
    start = model.start(shape, size.network)
    pairs = draw_pairs(shape, task, size, 0, folder).training
    known = recipes(model, start, size)
    trainers = {}
    for name in METHODS:
        trainers[name] = Trainer(known[name], pairs.astype(model.dtype), _as(start, model.dtype))
        trainers[name].compile(trainers[name].start())
    return Workshop(start, trainers, Judge(model, known))


def _reached(
    shop: Workshop,
    name: str,
    path: TrainedPath,
    pairs: SplitPairs,
    size: TrainingSize,
    start: TestedPsnr,
    equal: float | None,
) -> ReachedBy:
    """Judge a training where it ended, and where it was when the fastest had ended."""
    chunks = len(path.seconds)
    then = None if equal is None else path.after(equal)
    tested = {0: start, chunks: shop.judge.psnr(path.regularizers[-1], pairs.testing)}
    if then is not None and then not in tested:
        tested[then] = shop.judge.psnr(path.regularizers[then], pairs.testing)
    batch = pairs.training.first(size.batch)
    first, last = (
        shop.judge.gradient_error(name, regularizer, batch).error
        for regularizer in (shop.start, path.regularizers[-1])
    )
    status, reason = path.outcome()
    return {
        "status": status.value,
        "reason": reason,
        "steps": path.made[-1],
        "refused": path.refused,
        "chunk_seconds": path.seconds,
        "chunk_losses": path.losses,
        "start_psnr": start.psnr,
        "start_unsolved": start.unsolved,
        "psnr": tested[chunks].psnr,
        "unsolved": tested[chunks].unsolved,
        "equal_seconds": equal,
        "equal_steps": None if then is None else (0, *path.made)[then],
        "equal_psnr": None if then is None else tested[then].psnr,
        "equal_unsolved": None if then is None else tested[then].unsolved,
        "start_error": first,
        "end_error": last,
    }


def _as(regularizer: Regularizer, dtype: str) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), regularizer)
