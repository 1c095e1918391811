"""What a solve and its backward pass say of themselves, as plain numbers."""

from typing import Any, NamedTuple

import numpy as np

from ...hypergrad.method import Backward
from ...solvers.solver import Solution


class Account(NamedTuple):
    """Plain numbers of a solution, or of a batch of them; None for what solver or rule does not tell.

    Of a batch, steps and counts of the active set are means, residuals and factors the largest, margins the
    smallest; ambiguous and undecided rows are summed.

    Attributes:
        steps: of the solver.
        steps_max: of the solver, the largest of the batch.
        residual: of the solver, relative.
        lower_contraction: factor by which that residual fell per step; the largest that is known.
        certified: whether every solution of an l1 problem is certified.
        violation: of the optimality conditions, relative.
        ambiguous: rows that the solution's own error could move into or out of the active set.
        dual_margin: of the nearest active row to its bound, relative.
        primal_margin: of the nearest other row to zero, relative.
        adjoint_residual: of the adjoint equation, relative.
        adjoint_steps: of its linear solver.
        adjoint_converged: whether every adjoint equation was solved to what was asked for.
        contraction: factor of the adjoint's fixed-point iteration.
        active_size: rows of the active set.
        active_rank: numerical rank of those rows.
        undecided: active rows that may not be active, and would change the gradient.
    """

    steps: float
    steps_max: float
    residual: float
    lower_contraction: float | None = None
    certified: bool | None = None
    violation: float | None = None
    ambiguous: float | None = None
    dual_margin: float | None = None
    primal_margin: float | None = None
    adjoint_residual: float | None = None
    adjoint_steps: float | None = None
    adjoint_converged: bool | None = None
    contraction: float | None = None
    active_size: float | None = None
    active_rank: float | None = None
    undecided: float | None = None


def account_of(solution: Solution, backward: Backward | None) -> Account:
    """Return the account of a solution and of the backward pass from it, where there was one."""
    certificate = solution.certificate
    told = Account(
        steps=float(np.mean(solution.steps)),
        steps_max=float(np.max(solution.steps)),
        residual=float(np.max(solution.residual)),
        lower_contraction=None if solution.contraction is None else largest_known(solution.contraction),
    )
    if certificate is not None:
        told = told._replace(
            certified=bool(np.all(certificate.certified)),
            violation=float(np.max(certificate.violation)),
            ambiguous=float(np.sum(certificate.ambiguous)),
            dual_margin=float(np.min(certificate.dual_margin)),
            primal_margin=float(np.min(certificate.primal_margin)),
        )
    if backward is None:
        return told
    return told._replace(
        adjoint_residual=_reduced(np.max, backward.residual),
        adjoint_steps=_reduced(np.mean, backward.steps),
        adjoint_converged=None if backward.converged is None else bool(np.all(backward.converged)),
        contraction=_reduced(np.max, backward.contraction),
        active_size=_reduced(np.mean, backward.active_size),
        active_rank=_reduced(np.mean, backward.active_rank),
        undecided=_reduced(np.sum, backward.undecided),
    )


def largest_known(values: Any) -> float | None:
    """Return the largest of the factors that are known, None if none is; the others are infinite."""
    known = np.asarray(values)[np.isfinite(values)]
    return float(np.max(known)) if known.size else None


def _reduced(reduce: Any, values: Any) -> float | None:
    return None if values is None else float(reduce(np.asarray(values)))
