"""The example: the derivative of a primal-dual iterate, by differences and by AD, against the solution's."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....hypergrad import Unrolled, hypergradient, random_directions
from ....hypergrad.references.central_differences import slopes_along
from ....problems import AnalysisL1, Denoising, LowerLevel, Photographs, measure
from ....solvers import Budget, PrimalDual, solve
from ...machine.threads import fix_blas_threads
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import relative_error
from ..training_pair import TrainingPair
from .measure import exact
from .rows import ExampleRow, NotMeasuredRow

STEPS, QUICK_STEPS = (1000, 10_000, 100_000), (100, 1000)
WEIGHT = 0.05
STEP = 1e-6
SEGMENT = 300
SOLVER = PrimalDual()


@dataclasses.dataclass(frozen=True)
class PrimalDualIterates:
    """Denoising of a photograph's crop with 8 perturbed 3 x 3 filters, by so many primal-dual steps."""

    side: int

    @property
    def name(self) -> str:
        """What it shows, and the crop's size."""
        return f"primal-dual iterates, {self.side} x {self.side} filter bank"

    def pair(self) -> TrainingPair:
        """Draw the problem."""
        shape = (self.side, self.side)
        truths = Photographs().sample(shape, 1, 0)
        A, y = measure(Denoising(), truths, 0)
        regularizer = dataclasses.replace(AnalysisL1.initial(shape, 0), weight=jnp.asarray(WEIGHT))
        return TrainingPair(LowerLevel(A, y[0], regularizer), jnp.asarray(truths[0]))


EXAMPLE = PrimalDualIterates(12)


class Iterate(NamedTuple):
    """An iterate, its residual, and the loss's derivative along the direction, by differences and by AD."""

    x: Float[Array, "h w"]
    residual: Float[Array, ""]
    by_differences: Float[Array, ""]
    by_ad: Float[Array, ""]


def measure_example(case: PrimalDualIterates, quick: bool) -> list[ExampleRow] | list[NotMeasuredRow]:
    """Return one row per number of steps."""
    fix_blas_threads()
    pair = case.pair()
    truth = exact(pair)
    if truth is None:
        return [_not_measured(case, quick)]
    directions = random_directions(pair.lower, 1, 0, ("regularizer",))
    along = np.concatenate([np.ravel(leaf[0]) for leaf in jax.tree.leaves(directions.regularizer)])
    rows: list[ExampleRow] = []
    for steps in QUICK_STEPS if quick else STEPS:
        found = untimed(_iterate, static=(0,))(steps, pair, directions)
        rows.append(
            {
                "case": case.name,
                "solver": repr(SOLVER),
                "method": "iterate",
                "quick": quick,
                "exact": float(along @ truth.gradient),
                "steps": steps,
                "residual": float(found.residual),
                "x_error": relative_error(np.asarray(found.x), truth.x),
                "by_differences": float(found.by_differences),
                "by_ad": float(found.by_ad),
                "status": Status.OK.value,
                "reason": "",
            }
        )
    return rows


def _not_measured(case: PrimalDualIterates, quick: bool) -> NotMeasuredRow:
    return {
        "case": case.name,
        "solver": repr(SOLVER),
        "method": "iterate",
        "quick": quick,
        "status": Status.FAILED.value,
        "reason": "the reference is not trusted",
    }


def _iterate(steps: int, pair: TrainingPair, directions: LowerLevel) -> Iterate:
    budget = Budget(max_steps=steps, tolerance=0.0, check_every=steps)

    def moved(step: Array) -> Array:
        lower = jax.tree.map(lambda leaf, d: leaf + step * d[0], pair.lower, directions)
        return pair.loss(solve(SOLVER, budget, lower).x)

    ahead, behind = jax.lax.map(moved, jnp.asarray([STEP, -STEP]))
    method = Unrolled(checkpoint_every=SEGMENT)
    found = hypergradient(method, SOLVER, budget, pair.lower, pair.loss)
    slope = slopes_along(found.gradient, directions)[0]
    return Iterate(found.solution.x, found.solution.residual, (ahead - behind) / (2 * STEP), slope)
