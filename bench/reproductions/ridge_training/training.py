"""Train contestants for equal time, in turns, and look at held-out crops on the way."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from ....hypergrad import Implicit, Method
from ....problems import LowerLevel
from ....solvers import Budget, Lbfgs, Minres, Neumann, Outcome, solve
from ...measure.clock import time_once
from ...measure.untimed import untimed
from ...training.pairs import Pairs
from ...training.parametrization import parametrization
from ...training.recipe import Recipe
from ...training.trainer import Trainer
from ...training.training_step import GOING_ON, LearningState, Measures
from ..relative_error import finite
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
    not_taken: int
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

    def advance(self, share: float, until: float, held_out: Pairs, rate: float) -> None:
        """Train until so many seconds are spent, at the rate of this share of the time, and look."""
        point = self.curve[-1]
        seconds, missed, measured = point.seconds, point.not_taken, []
        self.state = _with_rate(self.state, rate * _cosine(share))
        while seconds < until and self.going_on:
            count = max(1, min(MOST, int((until - seconds) / self._step_seconds)))
            (self.state, measures), spent = time_once(
                lambda count=count: self.trainer.advance(self.state, count)
            )
            seconds += spent
            self._step_seconds = spent / max(1, len(measures.taken))
            missed += int((~measures.taken).sum())
            measured.append(measures)
        psnr = held_out_psnr(held_out, self.trainer.learned(self.state))
        steps = int(self.state.step)
        self.curve.append(HeldOutPoint(seconds, steps, missed, _solver_steps(measured), psnr))


def train_for_equal_time(
    size: RidgeSize, name: str, gradients: Sequence[str], held_out: Pairs
) -> dict[str, EqualTime]:
    """Train the same regulariser on the same batches with each gradient, in turns of a slice of the time.

    The rate falls along a cosine with the time that is spent, so that nobody's schedule is cut short. What is
    compiled is compiled before.
    """
    pairs, start = size.training_pairs(), size.start(name)
    trainings = {one: _begun(size, GRADIENTS[one], pairs, start, held_out) for one in gradients}
    for slice_ in range(size.points):
        until = size.seconds * (slice_ + 1) / size.points
        for training in trainings.values():
            training.advance(slice_ / size.points, until, held_out, size.rate)
    return trainings


def held_out_psnr(pairs: Pairs, regularizer: Any) -> float | None:
    """Return the mean PSNR over the crops in dB; None if one of the solves did not converge."""
    return finite(_psnr(pairs, regularizer))


def _begun(size: RidgeSize, method: Method, pairs: Pairs, start: Any, held_out: Pairs) -> EqualTime:
    optimizer = optax.inject_hyperparams(optax.adam)(learning_rate=size.rate)
    recipe = Recipe(method, SOLVER, TRAINED, optimizer, parametrization(start), size.batch, starts="warm")
    trainer = Trainer(recipe, pairs, start)
    state = trainer.start()
    trainer.compile(state)
    return EqualTime(trainer, state, [HeldOutPoint(0.0, 0, 0, None, held_out_psnr(held_out, start))])


def _with_rate(state: LearningState, rate: float) -> LearningState:
    before = state.moments.hyperparams
    now = jnp.asarray(rate, before["learning_rate"].dtype)
    return state._replace(moments=state.moments._replace(hyperparams=before | {"learning_rate": now}))


def _cosine(share: float) -> float:
    return LAST + (1 - LAST) * (1 + math.cos(math.pi * share)) / 2


def _solver_steps(measured: Sequence[Measures]) -> float | None:
    return float(np.concatenate([one.solver_steps for one in measured]).mean()) if measured else None


@untimed
def _psnr(pairs: Pairs, regularizer: Any) -> Float[Array, ""]:
    def of_pair(y: Array, truth: Array) -> Array:
        found = solve(SOLVER, LOOKED, LowerLevel(pairs.A, y, regularizer))
        psnr = -10 * jnp.log10(jnp.mean(jnp.square(found.x - truth)))
        return jnp.where(found.status == int(Outcome.CONVERGED), psnr, jnp.nan)

    return jnp.mean(jax.vmap(of_pair)(pairs.y, pairs.truths))
