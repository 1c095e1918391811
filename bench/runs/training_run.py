"""A training in its folder: steps, curve and state, from which a stopped one goes on to the same bits."""

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..failure import failure_of
from ..progress import RunProgress
from ..records.curve_point import CurvePoint, LevelPoint
from ..training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ..training.learned import require_savable, save_learned
from ..training.looking import onlooker
from ..training.onlooker import LevelOnlooker, Onlooker, TrainingLook
from ..training.prepared import PlannedTraining, plan_training, prepared
from ..training.request import TrainingRequest
from ..training.step_trainer import StepTrainer
from ..training.training_step import GOING_ON, LevelMeasures, Measures
from .folder import OpenFolder
from .provenance import provenance
from .training_file import STATE, TRAINING_FILE, TrainingFile, training_folder

BETWEEN_LOOKS, BETWEEN_LABELS, BETWEEN_STATES = 1.0, 5.0, 1.0
"""Seconds between two returns to Python, two lines of progress and, at least, two states that are kept."""
SHARE = 0.05
"""Of the time at most goes into keeping states: those of large images are written less often."""
LATER_FIELDS = ("upper_level",)
"""Of requests, that came after the first states were kept; a new field is named here."""


@dataclass(frozen=True)
class TrainingPlan:
    """A training that is ready to start in a folder."""

    folder: Path
    planned: PlannedTraining


def plan_new_training(request: TrainingRequest, folder: Path) -> TrainingPlan:
    """Resolve a request; raise `UserError` for what it cannot be."""
    return TrainingPlan(folder, plan_training(request))


def plan_training_again(folder: Path) -> TrainingPlan:
    """Plan a recorded training once more, from what its folder says was asked for.

    Raises:
        UserError: if there is none, if it is damaged, or if the same names mean something else now, such as
            an image folder with other images.
    """
    about = training_folder(folder).about()
    planned = plan_training(about.request)
    for name, now in planned.choices().items():
        if about.choices.get(name) != now:
            raise UserError(
                f"{folder / TRAINING_FILE} was written for the {name} {about.choices.get(name)}, which is "
                f"{now} now: to go on would not be the same training; start a new one"
            )
    return TrainingPlan(folder, planned)


@contextlib.contextmanager
def started_training(plan: TrainingPlan, command: Sequence[str]) -> Iterator["RunningTraining"]:
    """Draw the pairs, open the folder for writing, and hand out the training at its last state.

    Raises:
        UserError: if the folder cannot be written or another run is writing to it, or the state in it is
            damaged.
    """
    try:
        trainer = prepared(plan.planned)
        state = trainer.start()
        require_savable(trainer.learned(state))
    except ValueError as error:
        raise UserError(str(error)) from error
    except Exception as error:  # a plug-in, or a setting that JAX does not take, may raise anything
        raise UserError(f"the training cannot begin: {failure_of(error)}") from error

    def begun() -> TrainingFile:
        return TrainingFile(
            request=plan.planned.request,
            choices=plan.planned.choices(),
            parameters=trainer.keeping(),
            **provenance(command),
        )

    with training_folder(plan.folder).opened(begun) as opened:
        kept = Checkpoint(state, 0.0)
        if (path := plan.folder / STATE).exists():
            kept = load_checkpoint(path, state, _name(plan.planned))
            kept = kept._replace(state=trainer.placed(kept.state))
        yield RunningTraining(plan, trainer, opened, kept)


@dataclass
class RunningTraining:
    """A training whose folder is open.

    Attributes:
        plan: what is trained.
        trainer: what trains it.
        opened: its folder.
        now: the last state, with the seconds that training took until then.
    """

    plan: TrainingPlan
    trainer: StepTrainer
    opened: OpenFolder[TrainingFile, CurvePoint]
    now: Checkpoint
    _recorded: int = field(init=False)
    _kept: float = field(init=False)
    _cost: float = 0.0
    _onlooker: Onlooker | LevelOnlooker | None = None

    def __post_init__(self) -> None:
        # A curve can be ahead of the state: those steps are made again, to the same bits.
        self._recorded = max((point.step for point in self.opened.writer.before), default=0)
        self._kept = self.now.seconds

    @property
    def steps(self) -> int:
        """How many steps the training has."""
        return self.plan.planned.request.steps

    @property
    def done(self) -> int:
        """How many of them are made."""
        return int(self.now.state.step)

    @property
    def is_running(self) -> bool:
        """Tell whether there is more to do: neither the last step is made nor did training end before."""
        return self.done < self.steps and int(self.now.state.ended) == GOING_ON

    def run(self, progress: RunProgress) -> None:
        """Train to the last step, or until it diverges or is stuck; curve and state are kept on the way.

        Raises:
            UserError: if a file cannot be written, or with what a plug-in or JAX raised, such as for want of
                memory.
        """
        if not self.is_running:
            return
        try:
            self._run(progress)
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"the training ended at step {self.done}: {failure_of(error)}") from error

    def _run(self, progress: RunProgress) -> None:
        progress.begin("compiling")
        self.trainer.compile(self.now.state)
        count, said = 1, 0.0
        try:
            while self.is_running:
                look = self._look()
                measures, took = self._advance(min(count, self._until_look()), look)
                made = len(measures.taken)
                count = max(1, min(2 * count, int(made * BETWEEN_LOOKS / max(took, 1e-9))))
                progress.advance(made)
                if self.now.seconds - said >= BETWEEN_LABELS or not self.is_running:
                    said = self.now.seconds
                    progress.begin(_label(measures, made / max(took, 1e-9)))
                if self.now.seconds - self._kept >= max(BETWEEN_STATES, self._cost / SHARE):
                    self.keep()
        finally:
            self.keep()

    def keep(self) -> None:
        """Write the state; raise `UserError` if it cannot be written."""
        begin = time.perf_counter()
        save_checkpoint(self.plan.folder / STATE, self.now, _name(self.plan.planned))
        self._kept, self._cost = self.now.seconds, time.perf_counter() - begin

    def curve(self) -> tuple[CurvePoint, ...]:
        """Return the curve that is recorded, by step."""
        return tuple(sorted(self.opened.folder.recorded(), key=lambda point: point.step))

    def not_taken(self) -> int:
        """Return how many steps were not taken; each of them has its line."""
        return sum(not point.taken for point in self.curve())

    def save_learned(self) -> None:
        """Write the regulariser that was learned: the last good one where training did not go on."""
        about = {**self.plan.planned.choices(), "steps": str(self.done)}
        save_learned(self.plan.folder, self.trainer.learned(self.now.state), about)

    def _look(self) -> TrainingLook | None:
        """Look at the training, where that is due before the next step."""
        every = self.plan.planned.request.look_every
        if every is None or (self.done % every and self.done != self.steps - 1):
            return None
        if self._onlooker is None:
            self._onlooker = onlooker(self.plan.planned, self.trainer)
        return self._onlooker.look(self.now.state)

    def _until_look(self) -> int:
        """Return how many steps may be made at once: up to the next look, or to the end."""
        every, left = self.plan.planned.request.look_every, self.steps - self.done
        if every is None or left == 1:
            return left
        return min(every - self.done % every, left - 1)

    def _advance(self, count: int, look: TrainingLook | None) -> tuple[Measures, float]:
        first, begin = self.done, time.perf_counter()
        state, measures = self.trainer.advance(self.now.state, count)
        took = time.perf_counter() - begin
        before = self.now.seconds
        points = list(_points(measures, first, before, took / max(1, len(measures.taken))))
        if look is not None:
            points[0] = points[0].model_copy(update=look._asdict())
        # The curve first: a state that is ahead of it would leave a gap there.
        self._record([point for point in points if self._is_line(point)])
        self.now = Checkpoint(state, before + took)
        return measures, took

    def _is_line(self, point: CurvePoint) -> bool:
        every = self.plan.planned.request.between_lines
        regular = point.step % every == 0 or point.step in (1, self.steps) or point.is_look
        return point.step > self._recorded and (regular or point.failed > 0 or not point.taken)

    def _record(self, points: list[CurvePoint]) -> None:
        if points:
            self.opened.writer.append_all(points)
            self._recorded = points[-1].step


def _points(measures: Measures, first: int, before: float, share: float) -> Iterator[CurvePoint]:
    """Yield the steps of one call, each with its share of the seconds that it took."""
    adjoint = measures.adjoint_residual
    for place in range(len(measures.taken)):
        yield CurvePoint(
            step=first + place + 1,
            seconds=before + share * (place + 1),
            loss=float(measures.loss[place]),
            psnr=float(measures.psnr[place]),
            gradient_norm=float(measures.gradient_norm[place]),
            solver_steps=float(measures.solver_steps[place]),
            residual=float(measures.residual[place]),
            adjoint_residual=None if adjoint is None else float(adjoint[place]),
            failed=int(measures.failed[place]),
            taken=bool(measures.taken[place]),
            level=None if measures.level is None else _level_point(measures.level, place),
        )


def _level_point(level: LevelMeasures, place: int) -> LevelPoint:
    return LevelPoint(**{name: values[place].item() for name, values in level._asdict().items()})


def _label(measures: Measures, speed: float) -> str:
    """Say how the steps since the last look went."""
    missed = int(np.sum(~measures.taken))
    skipped = f", {missed} of the last {len(measures.taken)} not taken" if missed else ""
    loss, psnr = float(np.mean(measures.loss)), float(np.mean(measures.psnr))
    return f"loss {loss:.3e}, PSNR {psnr:.2f} dB, {speed:.3g} steps/s{skipped}"


def _name(planned: PlannedTraining) -> str:
    """Return a digest that names a training: the same request and data give the same one.

    A field that requests have had since then is left out at its default, so that states that are older go on.
    A warm training of a smooth energy from before such solves began at points does not: its state holds other
    arrays.
    """
    asked = planned.request.model_dump(mode="json")
    defaults = TrainingRequest().model_dump(mode="json")
    newer = {name for name in LATER_FIELDS if asked[name] == defaults[name]}
    text = json.dumps([{name: asked[name] for name in asked if name not in newer}, planned.choices()])
    return hashlib.sha256(text.encode()).hexdigest()[:16]
