"""Solve and differentiate an image once, and difference its loss beside that."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ....hypergrad import hypergradient, random_directions
from ....hypergrad.references.central_differences import slopes_along
from ....problems import LowerLevel
from ....solvers import solve
from ...machine.threads import fix_blas_threads
from ...measure.clock import time_once
from ...measure.memory_limit import too_large
from ...measure.program import Compiler
from ...records.status import Status
from ..relative_error import finite
from ..training_pair import TrainingPair
from .problem import METHOD, STEP, ExactImage
from .rows import ExactRow, Told


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
        "difference_error": None,
    }
    if row["reason"]:
        return [row]
    found, seconds = time_once(lambda: total(pair))
    error = _difference_error(case, pair, found)
    return [{**row, **_told(case, found), "seconds": seconds, "difference_error": error}]


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


def _difference_error(case: ExactImage, pair: TrainingPair, found: Found) -> float | None:
    """Compare the derivative along one direction with a central difference of certified solutions."""
    if not (case.is_certified and bool(found.certified)):
        return None
    directions = random_directions(pair.lower, 1, 0, ("regularizer",))
    exact = float(slopes_along(found.gradient, directions)[0])

    def loss(lower: LowerLevel) -> Float[Array, ""]:
        solution = solve(case.solver, case.budget, lower)
        assert solution.certificate is not None
        return jnp.where(solution.certificate.certified, pair.loss(solution.x), jnp.nan)

    ends = [
        jax.tree.map(lambda leaf, along, sign=sign: leaf + sign * STEP * along[0], pair.lower, directions)
        for sign in (-1, 1)
    ]
    program = Compiler().compile_program(loss, ends[0], name=case.name)
    below, above = (float(program(end)) for end in ends)
    return finite(abs((above - below) / (2 * STEP) / exact - 1))
