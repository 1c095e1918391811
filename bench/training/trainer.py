"""The loop of training: many steps in one compiled program, from a state and to a state."""

import copy
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from .optimizers import require_gradient_alone
from .pair_step import first_start
from .pairs import Pairs
from .recipe import Recipe
from .start import Start
from .step_loop import CAPACITY, of_steps_made, pairs_of_steps, run_steps
from .training_step import GOING_ON, LearningState, Measures, training_step

_AXIS = "batch"


class Trainer:
    """Train a regulariser on pairs by a recipe, up to ten thousand steps a call.

        trainer = Trainer(recipe, pairs, regularizer)
        state = trainer.start()
        trainer.compile(state)  # else the first `advance` does
        state, measures = trainer.advance(state, 500)
        learned = trainer.learned(state)

    The steps run in one compiled loop, whose length is an argument: how many steps a call makes changes no
    bit of the result, and nothing is compiled twice. The loop ends early where training diverges or is stuck.

    Several devices each solve a share of every batch; the result is that of one device up to rounding.
    Caveat: solvers that take the members of a batch one after the other, such as `ActiveSet`, do so on every
    device.

    Args:
        recipe: how to train.
        pairs: what to train on; arrays of one dtype.
        regularizer: where to start, in the same dtype.
        devices: those that share every batch; JAX's default one for none.

    Raises:
        ValueError: if a batch is larger than the pairs or cannot be shared evenly.
        TypeError: if the arrays differ in dtype, or the optimiser needs more than a gradient.
    """

    def __init__(
        self,
        recipe: Recipe,
        pairs: Pairs,
        regularizer: Regularizer,
        devices: tuple[Any, ...] = (),
    ) -> None:
        """Check that everything fits together; nothing is compiled yet."""
        if recipe.batch > pairs.number:
            raise ValueError(
                f"a batch of {recipe.batch} is more than the {pairs.number} pairs that there are"
            )
        if devices and recipe.batch % len(devices):
            raise ValueError(f"a batch of {recipe.batch} cannot be shared evenly by {len(devices)} devices")
        LowerLevel(pairs.A, pairs.y[0], regularizer)  # says what does not fit together
        require_gradient_alone(recipe.optimizer, recipe.parametrization.free(regularizer))
        self.recipe = recipe
        self._regularizer = regularizer
        self._mesh = Mesh(np.asarray(devices), (_AXIS,)) if len(devices) > 1 else None
        self.pairs = self._everywhere(pairs)
        self._program: Any = None

    def on(self, pairs: Pairs, seed: int | None = None, regularizer: Regularizer | None = None) -> "Trainer":
        """Return the same training on other pairs.

        A program that was compiled before, by `compile` or `advance`, is shared; else each compiles its own.

        Args:
            pairs: in the place of this trainer's, with arrays of the same shapes and dtype.
            seed: of the shuffles, this trainer's for None.
            regularizer: where to start, with arrays of the same shapes and dtype; as this trainer for None.

        Raises:
            ValueError: if pairs or regulariser do not look like this trainer's.
        """
        if _looks(pairs) != _looks(self.pairs):
            raise ValueError(
                f"this trainer's program is for y of {_kind(self.pairs.y)} and truths of "
                f"{_kind(self.pairs.truths)}, with {self.pairs.A!r}; got {_kind(pairs.y)} and "
                f"{_kind(pairs.truths)}, with {pairs.A!r}"
            )
        start = self._regularizer if regularizer is None else regularizer
        if _looks(start) != _looks(self._regularizer):
            raise ValueError(f"this trainer's program is for {self._regularizer!r}; got {start!r}")
        other = copy.copy(self)
        other.recipe = self.recipe if seed is None else replace(self.recipe, seed=seed)
        other.pairs, other._regularizer = self._everywhere(pairs), start
        return other

    @property
    def patience(self) -> int:
        """How many steps in a row may fail before the training ends."""
        return self.recipe.patience

    def keeping(self) -> dict[str, str]:
        """Say of every parameter, by its name, how it is kept in its range."""
        return self.recipe.parametrization.sentences()

    def start(self) -> LearningState:
        """Return the state before the first step.

        Raises:
            ValueError: if the method or the solver does not support the lower level, with the reason.
        """
        A, regularizer = self.pairs.A, self._regularizer

        def begin(y: Float[Array, "..."], truth: Float[Array, "..."]) -> Start:
            return first_start(self.recipe, LowerLevel(A, y, regularizer), truth)

        free = self.recipe.parametrization.free(regularizer)
        none = jnp.zeros((), jnp.int32)
        state = LearningState(
            step=none,
            free=free,
            good=free,
            moments=self.recipe.optimizer.init(free),
            starts=jax.jit(jax.vmap(begin))(self.pairs.y, self.pairs.truths),
            failures=none,
            ended=none,
        )
        return self._everywhere(state)

    def compile(self, state: LearningState) -> None:
        """Compile the loop, so that the first `advance` is as fast as all others."""
        if self._program is None:
            index = jnp.zeros((CAPACITY, self.recipe.batch), jnp.int32)
            arguments = self._everywhere((self.pairs, state, index, jnp.zeros((), jnp.int32)))
            self._program = jax.jit(self._run).lower(*arguments).compile()

    def advance(self, state: LearningState, steps: int) -> tuple[LearningState, Measures]:
        """Make up to so many steps, at most ten thousand, and return what is known of those that were made.

        Args:
            state: from `start`, from an earlier call, or from a checkpoint.
            steps: how many to make; fewer are made where training diverges or is stuck, see `ended`.

        Returns:
            The state, and measures with a leading axis of steps, as NumPy arrays.
        """
        self.compile(state)
        first, count = int(state.step), min(steps, CAPACITY)
        index = pairs_of_steps(self.recipe.seed, self.pairs.number, self.recipe.batch, first, count)
        rest = self._everywhere((jnp.asarray(index), jnp.asarray(count, jnp.int32)))
        state, measures = self._program(self.pairs, state, *rest)
        return state, of_steps_made(measures, int(state.step) - first)

    def learned(self, state: LearningState) -> Any:
        """Return the regulariser that a state holds: the last good one where training did not go on."""
        going_on = int(state.ended) == GOING_ON
        return self.recipe.parametrization.regularizer(state.free if going_on else state.good)

    def placed(self, state: LearningState) -> LearningState:
        """Return a state that was read from a file, on the devices of this training."""
        return self._everywhere(state)

    def _run(
        self, pairs: Pairs, state: LearningState, index: Int[Array, "steps batch"], count: Int[Array, ""]
    ) -> tuple[LearningState, Measures]:
        step = partial(self._step, pairs, index)
        state, measures = run_steps(step, state, count)
        return self._together(state), self._together(measures)

    def _step(
        self, pairs: Pairs, index: Int[Array, "steps batch"], state: LearningState, made: Int[Array, ""]
    ) -> tuple[LearningState, Measures]:
        taken = index[made]
        y, truths, starts = jax.tree.map(lambda leaf: leaf[taken], (pairs.y, pairs.truths, state.starts))
        y, truths, starts = self._shared((y, truths, starts))
        return training_step(self.recipe, state, taken, Pairs(pairs.A, y, truths), starts)

    def _shared(self, batch: Any) -> Any:
        """Give every device a share of a batch's members."""
        return self._constrained(batch, PartitionSpec(_AXIS))

    def _together(self, tree: Any) -> Any:
        """Give every device the whole."""
        return self._constrained(tree, PartitionSpec())

    def _constrained(self, tree: Any, spec: PartitionSpec) -> Any:
        if self._mesh is None:
            return tree
        return jax.lax.with_sharding_constraint(tree, NamedSharding(self._mesh, spec))

    def _everywhere(self, tree: Any) -> Any:
        if self._mesh is None:
            return jax.tree.map(jnp.asarray, tree)
        return jax.device_put(tree, NamedSharding(self._mesh, PartitionSpec()))


def _looks(tree: Any) -> Any:
    """Return what a program that is compiled for such a tree depends on."""
    return jax.tree.structure(tree), [_kind(leaf) for leaf in jax.tree.leaves(tree)]


def _kind(leaf: Any) -> str:
    return f"shape {leaf.shape} in {leaf.dtype}"
