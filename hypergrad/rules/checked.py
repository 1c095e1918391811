"""A rule that does not hand on a gradient which its own account contradicts."""

import functools
import logging
from typing import Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...solvers.analysis_l1_problem import PrimalDualPair
from ...solvers.budget import Budget
from ...solvers.solver import Outcome, Solution, Solver, StartPoint
from ..adjoint_rule import solve_with_adjoint
from ..method import AdjointMethod, Backward, PairMethod
from ..method_traits import MethodTraits
from ..seen_fields import refuse
from ..solved import Solved
from .implicit import Implicit

Failure = Literal["nan", "warn"]
_LOGGER = logging.getLogger("hypergrad_bench")


@configuration
class Checked:
    """Give the gradient of another rule only where its lower level and its adjoint equation were solved.

    Where a solve missed its tolerance, or the adjoint equation its own, the gradient is wrong by about what
    was missed, or by much more, and `jax.grad` shows nothing of that; nor where active rows are so nearly
    dependent that the tolerance does not tell which of them are active (`Backward.undecided`). With "nan"
    every entry of such a gradient is NaN: in a batch's mean too, so that a training step can be left out
    (`optax.apply_if_finite`). With "warn" it stays as it is, and the logger "hypergrad_bench" warns while the
    compiled program runs. Both work under `jit`, `grad` and `vmap`; `hypergradient` returns the account
    itself. A rule that makes no claim (`OneStep`, `Phantom`, `Implicit(Neumann())`) is handed on where the
    lower level converged, and so is one of the derivatives at a kink, of which the certificate tells. Not for
    budgets that run all their steps (a tolerance of zero), which never converge, and for first derivatives
    only.

    Args:
        method: an adjoint method, such as `ClosedForm()`.
        on_failure: "nan" or "warn".

    Raises:
        TypeError: if `method` is not an adjoint method.
        ValueError: if `on_failure` is neither.
    """

    method: AdjointMethod = Implicit()
    on_failure: Failure = "nan"

    def __post_init__(self) -> None:
        if not isinstance(self.method, AdjointMethod):
            raise TypeError(
                f"method must be an adjoint method, whose backward pass has an account; got {self.method!r}"
            )
        if self.on_failure not in get_args(Failure):
            raise ValueError(f"on_failure must be one of {get_args(Failure)}; got {self.on_failure!r}")

    @property
    def traits(self) -> MethodTraits:
        """Exact as the method is; its adjoint is not said to be the energy's."""
        return MethodTraits(exact=self.method.traits.exact)

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return what the method says."""
        return self.method.supports(solver, lower)

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level."""
        return solve_with_adjoint(self, solver, budget, lower, start)

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Run the method's backward pass, and look at its account."""
        return self._judged(solved.solution, *self.method.backward(solved, cotangent))

    def backward_of_pair(self, solved: Solved, cotangent: PrimalDualPair) -> tuple[LowerLevel, Backward]:
        """Do the same for cotangents of x and of the dual variable.

        Raises:
            ValueError: if the method has none for the dual variable.
        """
        if not isinstance(self.method, PairMethod):
            raise refuse(repr(self.method), ".state, the dual variable")
        return self._judged(solved.solution, *self.method.backward_of_pair(solved, cotangent))

    def _judged(
        self, solution: Solution, gradient: LowerLevel, account: Backward
    ) -> tuple[LowerLevel, Backward]:
        trusted = is_trusted(solution, account)
        if self.on_failure == "warn":
            jax.debug.callback(functools.partial(_warn, repr(self.method)), ~trusted)
            return gradient, account
        poisoned = jax.tree.map(lambda leaf: jnp.where(trusted, leaf, jnp.nan).astype(leaf.dtype), gradient)
        return poisoned, account


def is_trusted(solution: Solution, account: Backward) -> Bool[Array, ""]:
    """Tell whether the lower level converged, and the adjoint equation too, where a rule solves one.

    And whether that is certainly the right equation: no active row is undecided, of rules that count them.
    """
    trusted = solution.status == int(Outcome.CONVERGED)
    if account.converged is not None:
        trusted = trusted & account.converged
    return trusted if account.undecided is None else trusted & (account.undecided == 0)


def _warn(name: str, missed: Bool[Array, "..."]) -> None:
    count = int(np.sum(missed))
    if count:
        _LOGGER.warning(
            "%s: %d of %d gradients are not to be trusted: the lower level or the adjoint equation was not "
            "solved to its tolerance, or that does not tell which rows are active",
            name,
            count,
            np.size(missed),
        )
