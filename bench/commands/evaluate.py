"""`hgb evaluate`: regularisers compared on the images of a folder."""

from pathlib import Path
from typing import NamedTuple

import typer

from ..catalogue.catalogue import built_in
from ..catalogue.plugin import with_plugins
from ..errors import UserError
from ..machine.device import use_device
from ..progress import RunProgress
from ..report.comma_separated import comma_separated
from ..report.latex import latex_table
from ..report.markdown import markdown_table
from ..report.terminal import standard_output, terminal_table
from ..report.text_table import TextTable
from ..restoring.baselines import baseline
from ..restoring.evaluation import (
    CONVERGED,
    Judged,
    Restorer,
    Setting,
    averaged,
    judge,
    measured_quality,
    tune,
)
from ..restoring.image_set import Picture, not_read, read_folder, require_apart
from ..restoring.quality import SETTINGS, SMALLEST
from ..restoring.saved_model import load_model, strengthened
from ..restoring.task_options import TaskOptions, asked_task
from ..restoring.tuning import FURTHEST
from .form import Form
from .notices import say, warn

COLUMNS = ("image", "regularizer", "weight", "psnr", "ssim", "status", "steps")
MEASURED = "none: the measurement"
MOST_TRIES = FURTHEST + 8
"""Factors that tuning may try."""


class EvaluationRequest(NamedTuple):
    """What was asked for; None for what is left to the command."""

    images: Path
    models: tuple[Path, ...]
    baselines: tuple[str, ...]
    tune: Path | None
    color: bool
    seed: int
    form: Form
    task: TaskOptions
    solver: str | None
    max_steps: int | None
    tolerance: float | None
    plugins: tuple[Path, ...]
    device: str


class JudgedLine(NamedTuple):
    """An image restored by a regulariser at a weight."""

    regularizer: str
    weight: float | None
    judged: Judged

    def cells(self) -> tuple[object, ...]:
        """Return what stands in the columns, at full precision."""
        image, psnr, ssim, status, steps = self.judged
        return image, self.regularizer, self.weight, psnr, ssim, status, steps


def evaluate(asked: EvaluationRequest) -> None:
    """Restore every image by every regulariser, and print PSNR and SSIM.

    Raises:
        UserError: if images, models or settings are not accepted, or images to tune on are judged by.
        typer.Exit: with status 2 where a solve did not converge, once the table is printed.
    """
    use_device(asked.device)
    catalogue = with_plugins(built_in(), list(asked.plugins))
    setting = Setting(
        asked_task(asked.task, catalogue),
        asked.seed,
        asked.solver,
        asked.max_steps,
        asked.tolerance,
        catalogue,
    )
    restorers = _restorers(asked, setting)
    pictures = _pictures(asked.images, asked.color)
    training = [] if asked.tune is None else _pictures(asked.tune, asked.color)
    require_apart(training, pictures)
    measured = [one for picture in pictures if (one := measured_quality(setting, picture))]
    lines = [
        JudgedLine(MEASURED, None, one) for one in (*measured, *([averaged(measured)] if measured else []))
    ]
    for restorer in restorers:
        lines += _judged(setting, restorer, training, pictures)
    _print(asked, setting, lines)
    unfinished = [line for line in lines if line.judged.status not in (CONVERGED, "")]
    if unfinished:
        warn([f"{len(unfinished)} lines are of solves that did not converge; --max-steps or --tolerance"])
        raise typer.Exit(2)


def _restorers(asked: EvaluationRequest, setting: Setting) -> list[Restorer]:
    """Return the saved regularisers and the baselines, a baseline with the noise level as first weight."""
    if not asked.models and not asked.baselines:
        raise UserError("--model FOLDER or --baseline NAME says what is evaluated; neither was given")
    if asked.baselines and asked.tune is None:
        raise UserError("a baseline has no weight of its own: --tune FOLDER names images to tune it on")
    first = max(setting.task.noise, 1e-3)
    models = [Restorer(folder.resolve().name, load_model(folder)[0]) for folder in asked.models]
    return models + [Restorer(name, baseline(name), first) for name in asked.baselines]


def _pictures(folder: Path, color: bool) -> list[Picture]:
    pictures = read_folder(folder, color)
    warn(filter(None, [not_read(folder)]))
    small = [one.name for one in pictures if min(one.truth.shape[:2]) < SMALLEST]
    if small:
        raise UserError(f"SSIM needs {SMALLEST} x {SMALLEST} pixels at least; image {small[0]!r} has fewer")
    return pictures


def _judged(
    setting: Setting, restorer: Restorer, training: list[Picture], pictures: list[Picture]
) -> list[JudgedLine]:
    weight = _weight(setting, restorer, training) if training else 1.0
    regularizer = strengthened(restorer.regularizer, weight)
    judged = []
    with RunProgress(len(pictures)) as progress:
        for picture in pictures:
            progress.begin(f"{restorer.name}, {picture.name}")
            judged.append(judge(setting, regularizer, picture))
            progress.advance(1)
    return [JudgedLine(restorer.name, weight, one) for one in (*judged, averaged(judged))]


def _weight(setting: Setting, restorer: Restorer, training: list[Picture]) -> float:
    with RunProgress(MOST_TRIES) as progress:
        progress.begin(f"{restorer.name}: its weight is tuned on {len(training)} images")

        def seen(factor: float, psnr: float) -> None:
            progress.advance(1)
            progress.begin(f"{restorer.name}, weight {factor:.4g}: {psnr:.2f} dB on the images to tune on")

        tuned = tune(setting, restorer, training, seen)
    if tuned.at_the_edge:
        warn([f"{restorer.name}: the best weight may lie beyond {tuned.factor:.3g}, where tuning ended"])
    say(f"{restorer.name}: weight {tuned.factor:.4g} of {tuned.tries} tried, {tuned.score:.2f} dB")
    return tuned.factor


def _print(asked: EvaluationRequest, setting: Setting, lines: list[JudgedLine]) -> None:
    if asked.form is Form.CSV:
        typer.echo(comma_separated(COLUMNS, (line.cells() for line in lines)), nl=False)
        return
    tuning = f"weights tuned on {asked.tune.name}" if asked.tune else "weights as they are"
    table = TextTable(
        heading=f"{setting.task!r}, {asked.images.resolve().name}, {'R, G, B' if asked.color else 'luma'}",
        text="",
        columns=COLUMNS,
        lines=[_text(line) for line in lines],
        words=("regularizer", "status"),
        remarks=(SETTINGS, f"{tuning}; seed {asked.seed}"),
    )
    if asked.form is Form.TERMINAL:
        standard_output().print(terminal_table(table))
    elif asked.form is Form.LATEX:
        typer.echo(latex_table(table), nl=False)
    else:
        typer.echo(markdown_table(table), nl=True)


def _text(line: JudgedLine) -> tuple[str, ...]:
    image, name, weight, psnr, ssim, status, steps = line.cells()
    numbers = f"{psnr:.2f}", f"{ssim:.4f}"
    return str(image), str(name), "" if weight is None else f"{weight:.4g}", *numbers, str(status), str(steps)
