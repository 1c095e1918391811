"""Solve and differentiate an image once, and difference its loss beside that."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad import hypergradient, random_directions
from ....hypergrad.references.central_differences import slopes_along
from ....problems import LowerLevel
from ....solvers import solve
from ....solvers.certificate import active_rows, shifted_dual
from ...machine.threads import fix_blas_threads
from ...measure.clock import time_once
from ...measure.memory_limit import too_large
from ...measure.program import Compiler
from ...records.status import Status
from ..relative_error import finite
from ..training_pair import TrainingPair
from .problem import LARGEST_DIFFERENCED, METHOD, STEPS, ExactImage
from .rows import DifferencedFields, ExactRow, Told


class End(NamedTuple):
    """An end of a difference: the loss, NaN where it is not certified, and on which side each row is.

    Attributes:
        sides: 0 for an active row, else the sign of the dual variable.
    """

    loss: Float[Array, ""]
    sides: Float[Array, "*range"]


class Found(NamedTuple):
    """The hypergradient, and what solve and backward pass say of themselves."""

    gradient: LowerLevel
    certified: Bool[Array, ""]
    residual: Float[Array, ""]
    adjoint_steps: Int[Array, ""] | None
    adjoint_residual: Float[Array, ""] | None
    adjoint_converged: Bool[Array, ""] | None


def measure_image(case: ExactImage, quick: bool) -> list[ExactRow]:
    """Return the row of one image."""
    fix_blas_threads()
    pair = case.image.pair()
    total = Compiler().compile_program(_total(case), pair, name=case.name)
    row: ExactRow = {
        "task": case.task,
        "side": case.side,
        "pixels": case.side**2,
        "quick": quick,
        "solver": repr(case.solver),
        "route": METHOD.route(pair.lower),
        "status": Status.OUT_OF_MEMORY.value,
        "reason": too_large(total) or "",
        "memory_bytes": total.memory.total,
        "seconds": None,
        "certified": None,
        "residual": None,
        "adjoint_steps": None,
        "adjoint_residual": None,
        "difference_step": None,
        "difference_error": None,
    }
    if row["reason"]:
        return [row]
    found, seconds = time_once(lambda: total(pair))
    return [{**row, **_told(case, found), "seconds": seconds, **_differenced(case, pair, found)}]


def _total(case: ExactImage) -> Callable[[TrainingPair], Found]:
    def total(pair: TrainingPair) -> Found:
        found = hypergradient(METHOD, case.solver, case.budget, pair.lower, pair.loss)
        certificate, backward = found.solution.certificate, found.backward
        assert certificate is not None
        return Found(
            found.gradient,
            certificate.certified,
            found.solution.residual,
            backward.steps,
            backward.residual,
            backward.converged,
        )

    return total


def _told(case: ExactImage, found: Found) -> Told:
    status, reason = Status.OK, ""
    if found.adjoint_converged is not None and not bool(found.adjoint_converged):
        status, reason = Status.ADJOINT_MISSED, "the adjoint system missed its tolerance"
    if case.is_certified and not bool(found.certified):
        status, reason = Status.NOT_CERTIFIED, f"the solver's residual is {float(found.residual):.1e}"
    return {
        "status": status.value,
        "reason": reason,
        "certified": bool(found.certified),
        "residual": finite(found.residual),
        "adjoint_steps": None if found.adjoint_steps is None else int(found.adjoint_steps),
        "adjoint_residual": finite(found.adjoint_residual),
    }


def _differenced(case: ExactImage, pair: TrainingPair, found: Found) -> DifferencedFields:
    """Compare the derivative along one direction with a central difference of certified solutions.

    It counts where both ends have the active rows and signs of the middle: across a kink it is no derivative.
    """
    none: DifferencedFields = {"difference_step": None, "difference_error": None}
    if case.side > LARGEST_DIFFERENCED or not (case.is_certified and bool(found.certified)):
        return none
    directions = random_directions(pair.lower, 1, 0, ("regularizer",))
    exact = float(slopes_along(found.gradient, directions)[0])
    program = Compiler().compile_program(_end(case, pair), pair.lower, name=case.name)

    def end(distance: float) -> End:
        return program(jax.tree.map(lambda leaf, along: leaf + distance * along[0], pair.lower, directions))

    sides = end(0.0).sides
    for step in STEPS:
        below, above = end(-step), end(step)
        if all(np.array_equal(one.sides, sides) for one in (below, above)):
            slope = float(above.loss - below.loss) / (2 * step)
            return {"difference_step": step, "difference_error": finite(abs(slope / exact - 1))}
    return none


def _end(case: ExactImage, pair: TrainingPair) -> Callable[[LowerLevel], End]:
    def end(lower: LowerLevel) -> End:
        solution = solve(case.solver, case.budget, lower)
        x, u = solution.x, solution.state.u
        assert solution.certificate is not None
        loss = jnp.where(solution.certificate.certified, pair.loss(x), jnp.nan)
        active = active_rows(lower, x, u)
        return End(loss, jnp.where(active, jnp.zeros_like(u), jnp.sign(shifted_dual(lower, x, u))))

    return end
