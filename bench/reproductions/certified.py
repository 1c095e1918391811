"""Certified solutions of l1 problems and the closed form on them: what reproductions compare with."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int

from ...hypergrad import CertifiedSolution, certified_solution, pair
from ...hypergrad.l1.active_set_system import active_set_system
from ...hypergrad.l1.certified_solution import is_nonsmooth
from ...hypergrad.l1.system_solution import SystemSolution, solve_system
from ...problems import LowerLevel
from ...solvers.matrices.normal_matrix import layout_of, rank_of_rows
from .training_pair import TrainingPair


class Certified(NamedTuple):
    """A certified solution with the numerical rank of its active rows."""

    solution: CertifiedSolution
    rank: Int[Array, ""]


class ClosedFormGradient(NamedTuple):
    """The closed form's hypergradient, and the adjoint that it follows from."""

    gradient: LowerLevel
    adjoint: SystemSolution


def certify(lower: LowerLevel) -> Certified:
    """Solve and certify an l1 problem; whether it could be certified, the certificate says."""
    solution = certified_solution(lower)
    layout = layout_of(lower, solution.point.x.shape)
    return Certified(solution, rank_of_rows(lower, layout, solution.point.active))


def closed_form(training_pair: TrainingPair, solved: Certified) -> ClosedFormGradient:
    """Differentiate the mean squared error at a certified solution by every leaf of the lower level."""
    lower, point = training_pair.lower, solved.solution.point
    cotangent = jax.grad(training_pair.loss)(point.x)
    system = active_set_system(lower, point.active, point.x.shape)
    adjoint = solve_system(lower, system, cotangent, jnp.zeros_like(point.u))
    return ClosedFormGradient(pair(lower, point, adjoint.v, adjoint.mu), adjoint)


def has_kink(lower: LowerLevel, solved: Certified, found: ClosedFormGradient) -> Bool[Array, ""]:
    """Tell whether the solution that was differentiated has a kink."""
    return is_nonsmooth(lower, solved.solution, found.adjoint, found.gradient)
