"""Train contestants for equal time, in turns, and look at held-out crops on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from ....hypergrad import Implicit, Method
from ....solvers import Budget, Lbfgs, Minres, Neumann
from ...measure.clock import balanced_order, time_once
from ...training.held_out import HeldOut
from ...training.pairs import Pairs
from ...training.parametrization import parametrization
from ...training.partners import Partners
from ...training.recipe import Recipe
from ...training.trainer import Trainer
from ...training.training_step import GOING_ON, LearningState, Measures, missed_steps
from .problem import RidgeSize

SOLVER = Lbfgs()
TRAINED, LOOKED = Budget(300, 1e-4), Budget(1000, 1e-4)
"""How far lower levels are solved in training, and for looks and tests."""
IMPLICIT, ONE_STEP = "implicit", "one-step"
GRADIENTS: dict[str, Method] = {
    IMPLICIT: Implicit(Minres(max_steps=200, tolerance=1e-3)),
    ONE_STEP: Implicit(Neumann(terms=1)),
}
"""One term of the Neumann series is the derivative of one gradient step of length 1/L at the solution."""
LAST = 0.01
"""Of the rate: where the cosine ends."""
MOST = 20
"""Steps of one call at most."""


class HeldOutPoint(NamedTuple):
    """A training after some time; see `CurveRow`."""

    seconds: float
    steps: int
    solve_missed: int
    adjoint_missed: int
    solver_steps: float | None
    held_out_psnr: float | None


@dataclass
class EqualTime:
    """A training that goes on slice by slice of its time.

    Attributes:
        trainer: what trains it.
        state: the last one.
        curve: what was seen so far.
    """

    trainer: Trainer
    state: LearningState
    curve: list[HeldOutPoint]
    _step_seconds: float = 1.0

    @property
    def going_on(self) -> bool:
        """Tell whether training has neither diverged nor got stuck."""
        return int(self.state.ended) == GOING_ON

    def advance(self, share: float, until: float, held_out: HeldOut, rate: float) -> None:
        """Train until so many seconds are spent, at the rate of this share of the time, and look."""
        point = self.curve[-1]
        seconds, solves, adjoints, measured = point.seconds, point.solve_missed, point.adjoint_missed, []
        self.state = _with_rate(self.state, rate * _cosine(share))
        while seconds < until and self.going_on:
            count = max(1, min(MOST, int((until - seconds) / self._step_seconds)))
            (self.state, measures), spent = time_once(
                lambda count=count: self.trainer.advance(self.state, count)
            )
            seconds += spent
            self._step_seconds = spent / max(1, len(measures.taken))
            missed = missed_steps(measures, float(TRAINED.tolerance))
            solves, adjoints = solves + missed.solve, adjoints + missed.adjoint
            measured.append(measures)
        psnr = held_out.restored(self.trainer.learned(self.state)).psnr
        steps = int(self.state.step)
        self.curve.append(HeldOutPoint(seconds, steps, solves, adjoints, _solver_steps(measured), psnr))


def train_for_equal_time(
    size: RidgeSize, name: str, gradients: Sequence[str], held_out: Pairs
) -> dict[str, EqualTime]:
    """Train the same regulariser on the same batches with each gradient, in turns of a slice of the time.

    The rate falls along a cosine with the time that is spent, so that nobody's schedule is cut short. What is
    compiled is compiled before, and has run once.
    """
    pairs, start = size.training_pairs(), size.start(name)
    looks = HeldOut(held_out, Partners(GRADIENTS[IMPLICIT], SOLVER), LOOKED)
    trainings = {one: _begun(size, GRADIENTS[one], pairs, start, looks) for one in gradients}
    for slice_ in range(size.points):
        until = size.seconds * (slice_ + 1) / size.points
        for one in balanced_order(list(trainings), slice_):
            trainings[one].advance(slice_ / size.points, until, looks, size.rate)
    return trainings


def _begun(size: RidgeSize, method: Method, pairs: Pairs, start: Any, looks: HeldOut) -> EqualTime:
    optimizer = optax.inject_hyperparams(optax.adam)(learning_rate=size.rate)
    recipe = Recipe(method, SOLVER, TRAINED, optimizer, parametrization(start), size.batch, starts="warm")
    trainer = Trainer(recipe, pairs, start)
    state = trainer.start()
    trainer.advance(state, 1)  # the first call of a program is slower than all others
    return EqualTime(trainer, state, [HeldOutPoint(0.0, 0, 0, 0, None, looks.restored(start).psnr)])


def _with_rate(state: LearningState, rate: float) -> LearningState:
    before = state.moments.hyperparams
    now = jnp.asarray(rate, before["learning_rate"].dtype)
    return state._replace(moments=state.moments._replace(hyperparams=before | {"learning_rate": now}))


def _cosine(share: float) -> float:
    return LAST + (1 - LAST) * (1 + math.cos(math.pi * share)) / 2


def _solver_steps(measured: Sequence[Measures]) -> float | None:
    return float(np.concatenate([one.solver_steps for one in measured]).mean()) if measured else None
