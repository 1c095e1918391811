"""Training of W by gradient steps inside one compiled loop, on certified solutions alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Float64, Int

from ...measure.clock import time_once
from ...measure.program import Compiler, Program
from .certified_batch import dictionary, gradient_by_W, solve_certified
from .signals import BATCH, Signals

CHUNK = 1000
"""Steps of one call: between two of them losses come back to Python."""
KEPT = 10
"""Chunks after which the W so far is kept."""
_COMPILER = Compiler()


@dataclass(frozen=True)
class Descent:
    """Plain gradient descent with a constant rate, and how many steps it is given at most."""

    rate: float
    steps: int

    @property
    def label(self) -> str:
        """Its rate in words."""
        return f"rate {self.rate:g}"

    def cut(self, most: int) -> "Descent":
        """Return the same with at most so many steps."""
        return replace(self, steps=min(self.steps, most))


AS_PUBLISHED = Descent(1e-3, 500_000)
"""The rate that the authors state; they take 1e5 to 1e6 steps."""
TENFOLD = Descent(1e-2, 100_000)
"""It goes in 1e5 steps about as far as the authors' in 1e6."""


class OperatorState(NamedTuple):
    """W, and the last dual variable of every training signal."""

    W: Float[Array, "k n"]
    duals: Float[Array, "count k"]


class DescentAccount(NamedTuple):
    """What is known of a step.

    Attributes:
        loss: of its batch.
        taken: whether W was updated.
        dependent: whether the active rows of one of its solutions depend on each other.
        dual_steps: of its solves.
    """

    loss: Float[Array, "*steps"]
    taken: Bool[Array, "*steps"]
    dependent: Bool[Array, "*steps"]
    dual_steps: Int[Array, "*steps"]


class Trained(NamedTuple):
    """The result of a training.

    Attributes:
        state: the last W, and the signals' dual variables.
        path: W after every 10,000 steps.
        losses: of the batches, one mean for each chunk of steps.
        steps: how many were asked for.
        refused: steps that were not taken, as a solution was not certified or its active rows depended.
        rank_deficient: how many of them had dependent active rows.
        dual_steps: on average in a step.
        seconds: of all steps, compilation aside.
    """

    state: OperatorState
    path: list[Float64[np.ndarray, "k n"]]
    losses: list[float]
    steps: int
    refused: int
    rank_deficient: int
    dual_steps: float
    seconds: float

    @property
    def W(self) -> Float64[np.ndarray, "k n"]:
        """The last W."""
        return np.asarray(self.state.W)


def begin(W: Float[Array, "k n"], signals: Signals) -> OperatorState:
    """Start with a W, and every dual variable at zero."""
    return OperatorState(W, jnp.zeros((signals.truths.shape[0], W.shape[0]), W.dtype))


def run_steps(
    rate: Float[Array, ""], state: OperatorState, signals: Signals, batches: Int[Array, "steps batch"]
) -> tuple[OperatorState, DescentAccount]:
    """Take one step a batch: solve, differentiate, update.

    A step is not taken unless every solution is certified and has independent active rows: of others there
    is no gradient by W. Each solve starts at the dual variable that its signal had when it was seen last.
    """

    def step(state: OperatorState, batch: Int[Array, " batch"]) -> tuple[OperatorState, DescentAccount]:
        truth, before = signals.truths[batch], state.duals[batch]
        found = solve_certified(dictionary(state.W), signals.measured[batch], truth, before)
        dependent = ~jnp.all(found.independent)
        taken = jnp.all(found.certified) & ~dependent
        W = jnp.where(taken, state.W - rate * gradient_by_W(found), state.W)
        account = DescentAccount(jnp.mean(jnp.square(found.x - truth)), taken, dependent, found.steps)
        duals = jnp.where(found.certified[:, None], found.u, before)
        return OperatorState(W, state.duals.at[batch].set(duals)), account

    return jax.lax.scan(step, state, batches)


def compiled_steps(state: OperatorState, signals: Signals, steps: int) -> Program:
    """Compile so many steps, a function of the rate, the state, the signals and the batches.

    Rates, kinds of signals and seeds share one program.
    """
    batches = jnp.zeros((steps, BATCH), jnp.int32)
    rate = jnp.zeros((), state.W.dtype)
    return _COMPILER.compile_program(run_steps, rate, state, signals, batches, name=f"{steps} steps")


def train(W: Float[Array, "k n"], signals: Signals, descent: Descent, seed: int) -> Trained:
    """Train for as many steps as the descent has, a whole number of chunks where there is more than one."""
    steps, rate = descent.steps, jnp.asarray(descent.rate, W.dtype)
    state, chunk = begin(W, signals), min(CHUNK, steps)
    program = compiled_steps(state, signals, chunk)
    accounts: list[DescentAccount] = []
    path: list[Float64[np.ndarray, "k n"]] = []
    seconds = 0.0
    for batches in _chunks(signals.truths.shape[0], steps, chunk, seed):
        (state, account), spent = time_once(
            lambda batches=batches, state=state: program(rate, state, signals, batches)
        )
        accounts.append(jax.tree.map(np.asarray, account))
        seconds += spent
        if len(accounts) % KEPT == 0:
            path.append(np.asarray(state.W))
    return Trained(
        state,
        path,
        [float(one.loss.mean()) for one in accounts],
        steps,
        sum(int((~one.taken).sum()) for one in accounts),
        sum(int(one.dependent.sum()) for one in accounts),
        float(np.mean([one.dual_steps.mean() for one in accounts])),
        seconds,
    )


def epochs(count: int, steps: int, seed: int) -> Int[np.ndarray, "steps batch"]:
    """Draw the batches: every signal once before one comes again, in an order that the seed decides."""
    generator = np.random.default_rng([seed, 17])
    each = count // BATCH
    rounds = [
        generator.permutation(count)[: each * BATCH].reshape(each, BATCH) for _ in range(-(-steps // each))
    ]
    return np.concatenate(rounds)[:steps].astype(np.int32)


def _chunks(count: int, steps: int, chunk: int, seed: int) -> Iterator[Int[Array, "steps batch"]]:
    batches = epochs(count, steps, seed)
    for first in range(0, steps - chunk + 1, chunk):
        yield jnp.asarray(batches[first : first + chunk])
