"""Where the error of an adjoint method's gradient comes from: lower level, adjoint equation, or the rule."""

from typing import Any, NamedTuple

import numpy as np

from ...hypergrad.method import AdjointMethod
from ...hypergrad.references.reference import LARGEST_DENSE, tight_solver
from ...hypergrad.rules.closed_form import ClosedForm
from ...hypergrad.rules.implicit import Implicit
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import AnalysisRegularizer, GroupRegularizer
from ...solvers.fixed_point_map import is_backward
from ...solvers.linear.dense import Dense
from .accuracy import Judgement, flatten


class ErrorParts(NamedTuple):
    """The parts of a gradient's error, each over the norm of the reference; None where there is none.

    With G the method's gradient at the returned solution x, G' the exact adjoint's at the same x, and G* the
    reference:

    Attributes:
        lower_error: ||G' - G*||: x is not the solution.
        adjoint_error: ||G - G'|| of an exact rule: its adjoint equation is not solved.
        method_error: ||G - G'|| of a biased rule: it solves another equation.
    """

    lower_error: float | None = None
    adjoint_error: float | None = None
    method_error: float | None = None


def exact_adjoint(lower: LowerLevel) -> AdjointMethod:
    """Return the rule that makes no error of its own at a given x.

    The closed form for l1 norms and norms of groups, which reads the dual variable; else the optimality
    condition's adjoint equation, or the fixed point's where the regulariser is known by a proximal map alone,
    with a factorisation up to 1024 unknowns and an iteration at a tolerance of 1e-13 beyond.
    """
    if isinstance(lower.regularizer, AnalysisRegularizer | GroupRegularizer):
        return ClosedForm()
    size = int(np.prod(lower.shape))
    linear = Dense() if size <= LARGEST_DENSE else tight_solver(lower)
    return Implicit(linear, on="fixed-point" if is_backward(lower) else "optimality")


def split_error(method: AdjointMethod, gradient: Any, exact: Any, judgement: Judgement) -> ErrorParts:
    """ErrorParts the error of a gradient; the parts add up to at least the whole (triangle inequality).

    Args:
        method: says by its traits whether it is biased.
        gradient: the method's, by the regulariser.
        exact: the exact adjoint's at the same solution.
        judgement: the reference; without one there are no parts.
    """
    truth = judgement.gradient
    if truth is None:
        return ErrorParts()
    norm = float(np.linalg.norm(truth))
    own, at_x = flatten(gradient), flatten(exact)
    if norm == 0 or not (np.isfinite(own).all() and np.isfinite(at_x).all()):
        return ErrorParts()
    lower, rest = (float(np.linalg.norm(part)) / norm for part in (at_x - truth, own - at_x))
    if method.traits.exact:
        return ErrorParts(lower, adjoint_error=rest)
    return ErrorParts(lower, method_error=rest)
