"""Time the hypergradient of a ridge regulariser on a batch of crops, by several solvers in one clock."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad import Implicit, hypergradient
from ....problems import ConvexRidge, Denoising, LowerLevel, Photographs, measure
from ....problems.operators.convolution_chain import initial_chain
from ....problems.regularizer import Regularizer
from ....solvers import Budget, Cg, Lbfgs, LinearSolver, Minres, NewtonCg, Outcome, Solver
from ...grid.clock_settings import ClockSettings
from ...machine.threads import fix_blas_threads
from ...measure.accuracy import flatten
from ...measure.clock import time_rounds
from ...measure.outcome_status import status_of
from ...measure.program import Compiler
from ...measure.samples import Samples, ratio
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import finite, relative_error
from .optax_lbfgs import OptaxLbfgs
from .rows import RidgeRow

SEED = 0
COUNTS, SIZE = (4, 8, 64), 5
ALPHA, SCALE, BETA, SCALING = 2.4, 1.8, 6.4, 3.8
"""As large as in public weights that were trained for denoising; the filters are drawn at random."""


class RidgeContestant(NamedTuple):
    """A solver, where it stops, and what solves the adjoint equation."""

    solver: Solver
    budget: Budget
    linear: LinearSolver


BUDGET = Budget(2000, 1e-5, 10)
BASE = "optax's L-BFGS, MINRES to 1e-5"
CONTESTANTS: dict[str, RidgeContestant] = {
    BASE: RidgeContestant(OptaxLbfgs(), BUDGET, Minres(tolerance=1e-5)),
    "L-BFGS, CG to 1e-3": RidgeContestant(Lbfgs(), BUDGET, Cg(tolerance=1e-3)),
    "truncated Newton, CG to 1e-3": RidgeContestant(NewtonCg(), BUDGET, Cg(tolerance=1e-3)),
}
REFERENCE = RidgeContestant(Lbfgs(memory=20), Budget(5000, 1e-10), Cg(max_steps=20_000, tolerance=1e-9))


@dataclass(frozen=True)
class RidgeCase:
    """So many square crops of photographs, denoised together."""

    count: int
    side: int

    @property
    def name(self) -> str:
        """Count and size: "8 of 64 x 64"."""
        return f"{self.count} of {self.side} x {self.side}"

    def batch(self) -> "Batch":
        """Measure the crops, float64."""
        truth = Photographs().sample((self.side, self.side), self.count, SEED)
        A, y = measure(Denoising(), truth, SEED)
        return Batch(LowerLevel(A, y[0], draw_ridge()), jnp.asarray(y), jnp.asarray(truth))


class Batch(NamedTuple):
    """A lower level, and the measurements and ground truths of all crops."""

    lower: LowerLevel
    y: Float[Array, "n h w"]
    truth: Float[Array, "n h w"]


class RidgeGradient(NamedTuple):
    """The mean gradient by the regulariser, and how each member's solve and adjoint ended."""

    gradient: Regularizer
    status: Int[Array, " n"]
    converged: Bool[Array, " n"]
    steps: Int[Array, " n"]
    adjoint_steps: Int[Array, " n"]


def draw_ridge() -> ConvexRidge:
    """Draw filters, and take scales of the size that training leads to: the energy is nearly an l1 norm's."""
    alpha, scale, beta = (jnp.asarray(value) for value in (ALPHA, SCALE, BETA))
    return ConvexRidge(alpha, scale, beta, jnp.full(COUNTS[-1], SCALING), initial_chain(SEED, COUNTS, SIZE))


def measure_ridge(case: RidgeCase, quick: bool) -> list[RidgeRow]:
    """Return a row for every contestant; all are timed in the same rounds, in float32."""
    fix_blas_threads()
    batch = case.batch()
    exact = untimed(functools.partial(differentiated, REFERENCE))(batch)
    single: Batch = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), batch)
    compiler = Compiler()
    programs = {
        name: compiler.compile_program(functools.partial(differentiated, one), single, name=name)
        for name, one in CONTESTANTS.items()
    }
    calls: dict[str, Callable[[], object]] = {
        name: functools.partial(program, single) for name, program in programs.items()
    }
    samples = time_rounds(calls, _clock(quick))
    return [_row(case, quick, name, programs[name](single), exact, samples) for name in CONTESTANTS]


def differentiated(contestant: RidgeContestant, batch: Batch) -> RidgeGradient:
    """Return the gradient of the crops' mean squared error."""

    def one(y: Float[Array, "h w"], truth: Float[Array, "h w"]) -> RidgeGradient:
        found = hypergradient(
            Implicit(contestant.linear),
            contestant.solver,
            contestant.budget,
            batch.lower.replace(y=y),
            lambda x: jnp.mean(jnp.square(x - truth)),
        )
        backward, solution = found.backward, found.solution
        assert backward.steps is not None
        assert backward.converged is not None
        gradient = found.gradient.regularizer
        return RidgeGradient(gradient, solution.status, backward.converged, solution.steps, backward.steps)

    ended = jax.vmap(one)(batch.y, batch.truth)
    return ended._replace(gradient=jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), ended.gradient))


def _clock(quick: bool) -> ClockSettings:
    if quick:
        return ClockSettings(rounds_min=1, rounds_max=1, seconds=0.1)
    return ClockSettings(rounds_min=3, rounds_max=5, seconds=120.0)


def _row(
    case: RidgeCase,
    quick: bool,
    name: str,
    ended: RidgeGradient,
    exact: RidgeGradient,
    samples: Mapping[str, Samples],
) -> RidgeRow:
    mine, base = samples[name], samples[BASE]
    status, reason = _status(ended)
    if mine.status is not Status.OK:
        status, reason = mine.status, mine.reason
    timed = mine.status is Status.OK
    against = ratio(mine, base) if timed and base.status is Status.OK else None
    # A reference that did not get there judges nobody.
    judged = _status(exact)[0] is Status.OK
    error = relative_error(flatten(ended.gradient), flatten(exact.gradient)) if judged else float("nan")
    return {
        "case": case.name,
        "quick": quick,
        "contestant": name,
        "status": status.value,
        "reason": reason,
        "steps": int(np.max(ended.steps)),
        "adjoint_steps": int(np.max(ended.adjoint_steps)),
        "gradient_error": finite(error),
        "seconds": mine.median if timed else None,
        "seconds_q1": mine.q1 if timed else None,
        "seconds_q3": mine.q3 if timed else None,
        "ratio": None if against is None else against.median,
    }


def _status(ended: RidgeGradient) -> tuple[Status, str]:
    failed = [one for one in np.asarray(ended.status) if one != Outcome.CONVERGED]
    if failed:
        status = status_of(failed[0])
        return status, status.sentence
    missed = not np.all(np.asarray(ended.converged))
    status = Status.ADJOINT_MISSED if missed else Status.OK
    return status, status.sentence if missed else ""
