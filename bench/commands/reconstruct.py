"""`hgb reconstruct`: a user's measurement, restored by a saved regulariser."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import typer
from jaxtyping import Float
from rich.console import Console
from rich.text import Text

from ...problems.files.measurement_file import Measured, read_measurement
from ...problems.regularizer import Regularizer
from ...solvers.solver import Outcome, Solution
from ..catalogue.catalogue import Catalogue, built_in
from ..catalogue.plugin import with_plugins
from ..errors import UserError
from ..machine.device import use_device
from ..restoring.pieces import Pieces, pieces
from ..restoring.quality import SETTINGS, quality
from ..restoring.saved_model import load_model, strengthened
from ..restoring.solve_progress import SolveProgress
from ..restoring.solving import budget_for, chosen_solver, outcome_of, told, watched_solve
from ..restoring.task_options import TaskOptions, asked_task, require_told
from ..restoring.written_image import bits_for, write_image
from .notices import say, warn

CHANNELS = ("red", "green", "blue")


class ReconstructionRequest(NamedTuple):
    """What was asked for; None for what is left to the command."""

    image: Path
    out: Path
    model: Path
    task: TaskOptions
    weight: float
    truth: Path | None
    bits: str | None
    solver: str | None
    max_steps: int | None
    tolerance: float | None
    plugins: tuple[Path, ...]
    device: str


def reconstruct(asked: ReconstructionRequest) -> None:
    """Restore an image, write it, and say how good it is.

    Raises:
        UserError: if a file, the model or a setting is not accepted, or the solve left the numbers.
        typer.Exit: with status 2 where a solve did not converge; the image is written.
    """
    use_device(asked.device)
    catalogue = with_plugins(built_in(), list(asked.plugins))
    require_told(asked.task)
    measured = _read(asked.image)
    regularizer = _regularizer(asked)
    made = pieces(asked_task(asked.task, catalogue), measured.values, regularizer, seed=0)
    bits = bits_for(asked.out, asked.bits, measured.stored, made.shape)
    truth = None if asked.truth is None else _truth(asked.truth, made)
    for note in (*measured.notes, *made.notes()):
        say(note)
    solutions = _solved(asked, made, catalogue)
    image = made.joined([np.asarray(one.x, np.float64) for one in solutions])
    if not np.isfinite(image).all():
        raise UserError("the solve left the numbers and nothing is written; try another --solver or --weight")
    warn(write_image(asked.out, image, bits))
    _report(asked, measured.values, image, truth)
    _require_converged(solutions)


def _regularizer(asked: ReconstructionRequest) -> Regularizer:
    regularizer, about = load_model(asked.model)
    if about:
        say(f"the model: {'; '.join(f'{key} {text}' for key, text in about.items())}")
    return strengthened(regularizer, asked.weight)


def _solved(asked: ReconstructionRequest, made: Pieces, catalogue: Catalogue) -> list[Solution]:
    with told():
        solver = chosen_solver(made.lowers[0], asked.solver, catalogue)
    budget = budget_for(made.lowers[0], asked.max_steps, asked.tolerance)
    say(f"solved by {solver!r} with {budget!r}, {made.lowers[0].y.dtype}")
    solutions = []
    with SolveProgress(len(made.lowers), float(budget.tolerance)) as progress:
        for number, lower in enumerate(made.lowers):
            progress.begin(number, CHANNELS[number] if made.by_channel else asked.image.name)
            with told():
                solutions.append(watched_solve(solver, budget, lower, progress.seen))
    return solutions


def _report(
    asked: ReconstructionRequest,
    measured: Float[np.ndarray, "..."],
    image: Float[np.ndarray, "..."],
    truth: Float[np.ndarray, "..."] | None,
) -> None:
    console = Console(highlight=False)
    console.print(Text(f"the restored image is in {asked.out}"), soft_wrap=True)
    if truth is None:
        return
    if measured.shape == truth.shape:
        console.print(Text(f"measured: {quality(measured, truth).sentence()}"), soft_wrap=True)
    console.print(Text(f"restored: {quality(image, truth).sentence()}"), soft_wrap=True)
    say(SETTINGS)


def _require_converged(solutions: list[Solution]) -> None:
    ended = [one for one in solutions if outcome_of(one) != Outcome.CONVERGED.name.lower()]
    if not ended:
        return
    warn(
        f"the solve did not converge: {outcome_of(one)} after {int(one.steps)} steps, residual "
        f"{float(one.residual):.1e}; --max-steps, --tolerance or another --solver"
        for one in ended
    )
    raise typer.Exit(2)


def _truth(path: Path, made: Pieces) -> Float[np.ndarray, "..."]:
    truth = _read(path).values
    if truth.shape != made.shape:
        raise UserError(f"--truth {path.name} has shape {truth.shape}; the restored image has {made.shape}")
    quality(truth, truth)  # refuses, before the solve, what is too small to judge
    return truth


def _read(path: Path) -> Measured:
    try:
        return read_measurement(path)
    except ValueError as error:
        raise UserError(str(error)) from error
