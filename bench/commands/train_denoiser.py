"""`hgb train-denoiser`: the weights of the plug-and-play and explicit regularisers."""

import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ...problems.ground_truths.photographs import Photographs
from ...problems.networks.checkpoints import save_drunet
from ...problems.networks.shipped import SMALL
from ..errors import UserError
from ..machine.device import use_device
from ..machine.device_memory import memory_limit
from ..progress import RunProgress
from ..training.denoiser_quality import Quality, quality
from ..training.denoiser_training import (
    TrainingState,
    load_state,
    save_state,
    start_training,
    train,
)
from ..training.settings import Training

HELD = 4
"""Batches in float64 that drawing one takes at least: crops, turned ones, noise, and their sum."""
EVERY = 25
"""Steps between two lines of progress, and two states that a stopped training goes on from."""


def train_denoiser(training: Training, out: Path, pause: int | None, device: str) -> None:
    """Train, or go on with a training, and write the weights.

    Raises:
        UserError: if the photographs hold no crop of that side, or the file cannot be written there.
    """
    if reason := Photographs(scale=2).supports((training.side, training.side)):
        raise UserError(f"--side {training.side}: {reason}")
    if out.suffix != ".safetensors" or not out.parent.is_dir():
        raise UserError(f"--out {out}: a file that ends in .safetensors, in an existing folder, is accepted")
    use_device(device)
    needed, limit = HELD * 8 * training.batch * training.side**2, memory_limit()
    if needed > limit:
        raise UserError(
            f"--batch {training.batch}: its crops need {needed / 2**30:.3g} GiB at least; the limit is "
            f"{limit / 2**30:.3g} GiB"
        )
    kept = out.with_suffix(".state.safetensors")
    state = load_state(kept, training, SMALL) if kept.exists() else start_training(training, SMALL)
    messages = Console(stderr=True, highlight=False)
    state = _trained(training, state, kept, pause)
    if state.step < training.steps:
        messages.print(
            Text(f"{state.step} of {training.steps} steps done: the same command goes on"), soft_wrap=True
        )
        return
    qualities = quality(training.goal, SMALL, state.parameters)
    save_drunet(out, SMALL, state.parameters, _about(training, out, qualities))
    kept.unlink(missing_ok=True)
    for level in qualities:
        messages.print(Text(level.sentence()), soft_wrap=True)
    Console().print(Text(f"The weights are in {out}"), soft_wrap=True)


def _trained(training: Training, state: TrainingState, kept: Path, pause: int | None) -> TrainingState:
    last = training.steps if pause is None else min(training.steps, state.step + pause)
    with RunProgress(training.steps, before=state.step) as progress:
        for state, error in train(training, SMALL, state):  # noqa: B020  # the state moves on
            if state.step % EVERY == 0 or state.step == last:
                progress.begin(f"{training.goal}, error of this step {error:.2e}")
                save_state(kept, training, SMALL, state)
            progress.advance(1)
            if state.step == last:
                break
    return state


def _about(training: Training, out: Path, qualities: tuple[Quality, ...]) -> dict[str, str]:
    return {
        "network": repr(SMALL),
        "training": json.dumps(asdict(training)),
        "images": "scikit-image's photographs, grey, training split",
        "command": f"hgb train-denoiser --out {out.name} --goal {training.goal} --steps {training.steps} "
        f"--batch {training.batch} --side {training.side} --seed {training.seed}",
        "psnr": json.dumps([asdict(level) for level in qualities]),
    }
