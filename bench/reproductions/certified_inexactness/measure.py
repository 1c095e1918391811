"""True errors of inexact hypergradients and their bounds."""

import dataclasses
from typing import NamedTuple, TypedDict, cast

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....hypergrad import (
    ErrorBound,
    Hypergradient,
    Implicit,
    disagreement,
    error_bound,
    hypergradient,
    random_directions,
)
from ....hypergrad.adjoint_equation import of_optimality
from ....hypergrad.references.reference import Reference, reference
from ....problems import Denoising, FieldsOfExperts, LogCosh, LowerLevel, Photographs, PseudoHuber, measure
from ....solvers import Budget, Cg, Nesterov
from ....solvers.continued import continue_solve, not_begun
from ....solvers.linear.linear_solver import LinearSolution
from ....solvers.solve import Ended
from ...machine.threads import fix_blas_threads
from ...measure.accuracy import flatten
from ...measure.outcome_status import status_of
from ...measure.untimed import untimed
from ...records.status import Status
from ..relative_error import relative_error
from ..training_pair import TrainingPair
from .rows import ACCURACIES, TOLERANCES, AtAccuracy, AtTolerances, InexactnessRow, NotMeasured

POWERS, ADJOINT_POWERS, ACCURACY_POWERS = range(1, 11), (1, 2, 4, 6, 8, 10), range(1, 7)
QUICK_POWERS = (1, 4)
GAIN = 0.9
"""What a correction of the adjoint must bring its residual down to, or it is the last one."""
SIZES, SEEDS = (16, 32, 64), (0, 1, 2)
QUICK_SIZE = 8
SOLVER = Nesterov()
BUDGET = Budget(max_steps=5000, tolerance=0.1, check_every=1)


@dataclasses.dataclass(frozen=True)
class DenoisedCrop:
    """Denoising of one photograph's crop with one potential."""

    potential: PseudoHuber | LogCosh
    side: int
    seed: int

    @property
    def name(self) -> str:
        """Potential, size and seed."""
        return f"{type(self.potential).__name__}, {self.size}, seed {self.seed}"

    @property
    def size(self) -> str:
        """The crop's size as rows hold it."""
        return f"{self.side} x {self.side}"

    def pair(self) -> TrainingPair:
        """Draw the problem, with the filters and weights that benchmarks start from."""
        shape = (self.side, self.side)
        truths = Photographs().sample(shape, 1, self.seed)
        A, y = measure(Denoising(), truths, self.seed)
        regularizer = FieldsOfExperts.initial(shape, self.seed)
        regularizer = dataclasses.replace(regularizer, potential=self.potential)
        return TrainingPair(LowerLevel(A, y[0], regularizer), jnp.asarray(truths[0]))


class Truth(NamedTuple):
    """What errors are measured against.

    Attributes:
        gradient: by all of the regulariser's parameters, as one vector.
        error: of it, relative, as central differences bound it.
    """

    gradient: Float[np.ndarray, " parameters"]
    error: float


class BoundedGradient(NamedTuple):
    """A hypergradient with its bound."""

    gradient: FieldsOfExperts
    bound: ErrorBound


class ComparedBound(TypedDict):
    """Error and bound of a hypergradient over the true norm, with the bound's parts."""

    error: float
    bound: float
    lower_level: float
    adjoint: float
    outer: float


def all_cases(quick: bool) -> list[DenoisedCrop]:
    """Return the cases in the order in which they are measured."""
    if quick:
        return [DenoisedCrop(PseudoHuber(), QUICK_SIZE, 0)]
    potentials = (PseudoHuber(), LogCosh())
    return [DenoisedCrop(one, side, seed) for one in potentials for side in SIZES for seed in SEEDS]


def measure_case(case: DenoisedCrop, quick: bool) -> list[InexactnessRow]:
    """Return a row for each pair of tolerances, and one for each accuracy."""
    fix_blas_threads()
    pair = case.pair()
    truth = _truth(case, pair)
    if truth is None:
        failed: NotMeasured = {
            "case": case.name,
            "size": case.size,
            "quick": quick,
            "kind": TOLERANCES,
            "status": Status.FAILED.value,
            "reason": "the reference is not trusted",
        }
        return [failed]
    accuracies = QUICK_POWERS[:1] if quick else ACCURACY_POWERS
    return [
        *_at_tolerances(case, pair, truth, quick),
        *(_at_accuracy(case, pair, truth, float(f"1e-{power}"), quick) for power in accuracies),
    ]


def _truth(case: DenoisedCrop, pair: TrainingPair) -> Truth | None:
    directions = random_directions(pair.lower, 3, case.seed, ("regularizer",))
    found = _reference(pair, directions)
    if not bool(found.trusted):
        return None
    error = float(disagreement(found.gradient, directions, found.differences.central))
    return Truth(flatten(found.gradient.regularizer), error)


def _at_tolerances(case: DenoisedCrop, pair: TrainingPair, truth: Truth, quick: bool) -> list[AtTolerances]:
    """Tighten the lower level by decades, and at each the adjoint from nothing."""
    rows: list[AtTolerances] = []
    ended = _begin(pair.lower)
    for power in QUICK_POWERS if quick else POWERS:
        ended = _continue(pair.lower, ended, jnp.asarray(float(f"1e-{power}")))
        x = SOLVER.iterate(pair.lower, ended.state)
        v, steps, residual = jnp.zeros_like(x), 0, 1.0
        for adjoint_power in QUICK_POWERS if quick else ADJOINT_POWERS:
            # A correction by a decade each, so that one program serves all tolerances.
            wanted, gaining = float(f"1e-{adjoint_power}"), True
            while residual > wanted and gaining:
                correction, left = _correct(pair, x, v)
                gaining = float(left) < GAIN * residual
                v, steps, residual = v + correction.value, steps + int(correction.steps), float(left)
            stalled = residual > wanted
            row: AtTolerances = {
                "case": case.name,
                "size": case.size,
                "quick": quick,
                "reference_error": truth.error,
                "status": (Status.ADJOINT_MISSED if stalled else Status.OK).value,
                "reason": f"corrections end at {residual:.1e}" if stalled else "",
                "kind": TOLERANCES,
                "tolerance": float(f"1e-{power}"),
                "adjoint_tolerance": float(f"1e-{adjoint_power}"),
                "steps": int(ended.steps),
                "residual": float(ended.residual),
                "adjoint_steps": steps,
                "adjoint_residual": residual,
                **_compare(_bounded(pair, x, v), truth.gradient),
            }
            rows.append(row)
    return rows


def _at_accuracy(
    case: DenoisedCrop, pair: TrainingPair, truth: Truth, accuracy: float, quick: bool
) -> AtAccuracy:
    method = Implicit(accuracy=accuracy, outer_lipschitz=2 / pair.truth.size)
    found = _to_accuracy(method, pair)
    status = status_of(found.solution.status)
    scale = float(np.linalg.norm(truth.gradient))
    gradient = flatten(found.gradient.regularizer)
    assert found.backward.steps is not None
    assert found.backward.residual is not None
    assert found.backward.error_bound is not None
    return {
        "case": case.name,
        "size": case.size,
        "quick": quick,
        "reference_error": truth.error,
        "status": status.value,
        "reason": "" if status is Status.OK else status.sentence,
        "kind": ACCURACIES,
        "accuracy": accuracy,
        "steps": int(found.solution.steps),
        "residual": float(found.solution.residual),
        "adjoint_steps": int(found.backward.steps),
        "adjoint_residual": float(found.backward.residual),
        "reached": status is Status.OK,
        "error": relative_error(gradient, truth.gradient),
        "bound": float(found.backward.error_bound) / scale,
    }


def _compare(bounded: BoundedGradient, truth: Float[np.ndarray, " parameters"]) -> ComparedBound:
    scale = float(np.linalg.norm(truth))
    bound = bounded.bound
    lower_level, adjoint, outer = (
        float(part) / scale for part in (bound.lower_level, bound.adjoint, bound.outer)
    )
    return {
        "error": relative_error(flatten(bounded.gradient), truth),
        "bound": sum((lower_level, adjoint, outer)),
        "lower_level": lower_level,
        "adjoint": adjoint,
        "outer": outer,
    }


@untimed
def _reference(pair: TrainingPair, directions: LowerLevel) -> Reference:
    return reference(pair.lower, pair.loss, directions)


@untimed
def _begin(lower: LowerLevel) -> Ended:
    return not_begun(SOLVER, lower)


@untimed
def _continue(lower: LowerLevel, ended: Ended, tolerance: Array) -> Ended:
    return continue_solve(SOLVER, BUDGET, lower, ended, tolerance)


@untimed
def _correct(pair: TrainingPair, x: Array, v: Array) -> tuple[LinearSolution, Array]:
    equation = of_optimality(pair.lower, x, jax.grad(pair.loss)(x))
    found = Cg(tolerance=0.1).solve_linear(equation.matvec, equation.rhs - equation.matvec(v))
    left = equation.rhs - equation.matvec(v + found.value)
    return found, jnp.linalg.norm(left) / jnp.linalg.norm(equation.rhs)


@untimed
def _bounded(pair: TrainingPair, x: Array, v: Array) -> BoundedGradient:
    g = jax.grad(pair.loss)(x)
    gradient = cast(FieldsOfExperts, of_optimality(pair.lower, x, g).pull(v).regularizer)
    return BoundedGradient(gradient, error_bound(pair.lower, x, g, v, 2 / x.size))


def _to_accuracy(method: Implicit, pair: TrainingPair) -> Hypergradient:
    return untimed(_with_gradient, static=(0,))(method, pair)


def _with_gradient(method: Implicit, pair: TrainingPair) -> Hypergradient:
    return hypergradient(method, SOLVER, BUDGET, pair.lower, pair.loss)
