"""Training by an upper level: the same loop, in which every step chooses how accurately it solves."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from ....hypergrad.upper_levels.upper_level import BatchLevel, UpperLevel
from ....hypergrad.upper_levels.upper_problem import UpperProblem
from ....problems.regularizer import ProjectedRegularizer, Regularizer
from ..leaf_range import LeafRange, leaf_ranges
from ..pairs import Pairs
from ..step_loop import CAPACITY, of_steps_made, pairs_of_steps, run_steps
from ..training_step import GOING_ON, Measures
from .level_step import PATIENCE, LevelState, level_step


class LevelTrainer:
    """Train a regulariser on pairs by an upper level, up to ten thousand steps a call.

    One that takes batches sees those that `Trainer` takes in the same steps; all others see all pairs in
    every step.

    Args:
        level: how to train.
        pairs: what to train on; arrays of one dtype.
        regularizer: where to start, in the same dtype.
        seed: of the shuffles of the pairs.

    Raises:
        ValueError: if the upper level does not apply to the lower level, with the reason.
    """

    def __init__(self, level: UpperLevel, pairs: Pairs, regularizer: Regularizer, seed: int = 0) -> None:
        """Check that everything fits together; nothing is compiled yet."""
        self.level, self.pairs, self.patience = level, pairs, PATIENCE
        self._problem = UpperProblem(pairs.A, pairs.y, pairs.truths)
        self._regularizer, self._seed = regularizer, seed
        self._program: Any = None
        jax.eval_shape(level.init, self._problem, regularizer)  # says what does not apply

    def keeping(self) -> dict[str, str]:
        """Say of every parameter, by its name, how it is kept in its range."""
        projected = isinstance(self._regularizer, ProjectedRegularizer)
        return {leaf.name: _sentence(leaf, projected) for leaf in leaf_ranges(self._regularizer)}

    def start(self) -> LevelState:
        """Return the state before the first step; some upper levels solve all pairs for it."""
        none = jnp.zeros((), jnp.int32)
        level = jax.jit(self.level.init)(self._problem, self._regularizer)
        return LevelState(none, level, self._regularizer, none, none)

    def compile(self, state: LevelState) -> None:
        """Compile the loop, so that the first `advance` is as fast as all others."""
        if self._program is None:
            chosen = jnp.zeros((CAPACITY, self._batch), jnp.int32)
            arguments = (self._problem, state, chosen, jnp.zeros((), jnp.int32))
            self._program = jax.jit(self._run).lower(*arguments).compile()

    def advance(self, state: LevelState, steps: int) -> tuple[LevelState, Measures]:
        """Make up to so many steps, at most ten thousand, and return what is known of those that were made.

        Args:
            state: from `start`, from an earlier call, or from a checkpoint.
            steps: how many to make; fewer are made where training diverges or is stuck, see `ended`.

        Returns:
            The state, and measures with a leading axis of steps, as NumPy arrays.
        """
        self.compile(state)
        first, count = int(state.step), min(steps, CAPACITY)
        chosen = pairs_of_steps(self._seed, self.pairs.number, self._batch, first, count)
        rest = (jnp.asarray(chosen), jnp.asarray(count, jnp.int32))
        state, measures = self._program(self._problem, state, *rest)
        return state, of_steps_made(measures, int(state.step) - first)

    def learned(self, state: LevelState) -> Any:
        """Return the regulariser that a state holds: the last good one where training did not go on."""
        return state.level.regularizer if int(state.ended) == GOING_ON else state.good

    def placed(self, state: LevelState) -> LevelState:
        """Return the state as it is: there is one device."""
        return state

    @property
    def _batch(self) -> int:
        return self.level.batch if isinstance(self.level, BatchLevel) else 0

    def _run(
        self,
        problem: UpperProblem,
        state: LevelState,
        chosen: Int[Array, "steps batch"],
        count: Int[Array, ""],
    ) -> tuple[LevelState, Measures]:
        step = partial(level_step, self.level, problem)
        return run_steps(lambda state, made: step(state, chosen[made]), state, count)


def _sentence(leaf: LeafRange, projected: bool) -> str:
    if leaf.values == "any number":
        return "any number: learned as it is"
    how = "the nearest value in the range in every step" if projected else "steps that leave it are not taken"
    return f"{leaf.values}: {how}"
