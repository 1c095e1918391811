"""What every differentiation rule offers."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeGuard, runtime_checkable

from jaxtyping import Array, Bool, Float, Int

from ..problems.arrays.mesh_axes import require_automatic_axes
from ..problems.lower_level import LowerLevel
from ..problems.values.traits import require_traits
from ..solvers.analysis_l1_problem import PrimalDualPair
from ..solvers.budget import Budget
from ..solvers.solver import Solution, Solver, StartPoint
from ..solvers.solver_traits import SolverTraits
from .method_traits import MethodTraits
from .solved import Solved

Outer = Callable[[Float[Array, "..."]], Float[Array, ""]]
"""The upper-level loss: from the solution x to a scalar."""


class Backward(NamedTuple):
    """What a backward pass knows of itself; None where a rule has no such thing.

    Attributes:
        residual: relative residual of the adjoint equation.
        steps: iterations of its linear solver.
        active_size: number of rows w_i with w_i x* = 0.
        active_rank: numerical rank of those rows, where a factorisation tells.
        adjoint: solution of the adjoint equation, for the next one to start from.
        contraction: estimated contraction factor of the adjoint's fixed-point iteration.
        error_bound: bound of the norm of the error of the gradient by the regulariser's parameters.
        converged: whether the adjoint equation was solved to what was asked for. A gradient whose adjoint was
            not is wrong by about the residual, or by more; see `Checked`.
        undecided: active rows that may not be active, and would change the gradient; see `undecided_rows`.
    """

    residual: Float[Array, ""] | None = None
    steps: Int[Array, ""] | None = None
    active_size: Int[Array, ""] | None = None
    active_rank: Int[Array, ""] | None = None
    adjoint: Float[Array, "..."] | None = None
    contraction: Float[Array, ""] | None = None
    error_bound: Float[Array, ""] | None = None
    converged: Bool[Array, ""] | None = None
    undecided: Int[Array, ""] | None = None


@runtime_checkable
class Method(Protocol):
    """A differentiation rule: a frozen dataclass that is called like `solve` and returns the same `Solution`.

    Only the derivative of `Solution.x` with respect to the leaves of `lower` is the rule's, and that of the
    dual variable in the solution's state where the rule is a `PairMethod`; a loss of another field is
    refused with a sentence. Every rule says its traits: `traits = MethodTraits()` in the class, without an
    annotation, which would make it a setting, or a property where they depend on its settings.
    """

    @property
    def traits(self) -> MethodTraits:
        """What a caller has to know of it before it is run."""
        ...

    def supports(self, solver: Solver, lower: LowerLevel) -> str | None:
        """Return None if this rule can differentiate that solver on `lower`, else why not."""
        ...

    def __call__(
        self, solver: Solver, budget: Budget, lower: LowerLevel, start: StartPoint | None = None
    ) -> Solution:
        """Solve the lower level, from a start if there is one, as `solve` does; refuse what does not fit."""
        ...


@runtime_checkable
class AdjointMethod(Method, Protocol):
    """A rule that solves first and then maps a cotangent of x to one of the lower level."""

    def backward(self, solved: Solved, cotangent: Float[Array, "..."]) -> tuple[LowerLevel, Backward]:
        """Return the cotangent of every leaf of `lower`, and what the backward pass knows of itself."""
        ...


class WarmMethod(AdjointMethod, Protocol):
    """An adjoint method whose equation can start from a guess, see `is_warm`."""

    def backward(
        self, solved: Solved, cotangent: Float[Array, "..."], start: Float[Array, "..."] | None = None
    ) -> tuple[LowerLevel, Backward]:
        """Start from a guess of the adjoint, if there is one."""
        ...


def is_warm(method: Method) -> TypeGuard[WarmMethod]:
    """Tell by its traits whether a rule's adjoint equation can start from a guess.

    The names of its methods do not tell: all adjoint methods have the same.
    """
    return isinstance(method, AdjointMethod) and method.traits.adjoint_can_start


@runtime_checkable
class RefiningMethod(WarmMethod, Protocol):
    """A rule that solves no further than an accuracy of the hypergradient demands, where it has one."""

    accuracy: float | None
    outer_lipschitz: float

    def solve_to_accuracy(
        self,
        solver: Solver,
        budget: Budget,
        lower: LowerLevel,
        outer: Outer,
        start: Float[Array, "..."] | None = None,
    ) -> tuple[Solution, LowerLevel, Backward]:
        """Solve lower level and adjoint together; the cotangent follows x."""
        ...


@runtime_checkable
class TangentMethod(AdjointMethod, Protocol):
    """An adjoint method that says how its solution moves, so that its gradient has a derivative too."""

    def tangent(self, solved: Solved, direction: LowerLevel) -> Solution:
        """Return the derivative of the solution along a direction, from the optimality system; linear in it.

        What the backward pass does not read of the solution is zero.
        """
        ...


@runtime_checkable
class PairMethod(AdjointMethod, Protocol):
    """An adjoint method of l1 problems that maps a cotangent of the dual variable as well."""

    def backward_of_pair(self, solved: Solved, cotangent: PrimalDualPair) -> tuple[LowerLevel, Backward]:
        """Return the cotangent of every leaf of `lower` for cotangents of x and of the dual variable."""
        ...


@runtime_checkable
class TapedMethod(Method, Protocol):
    """A rule that differentiates through the last steps of a run, whose account is one more pass."""

    def account(self, solver: Solver, budget: Budget, lower: LowerLevel, outer: Outer) -> Backward:
        """Return what such a gradient leaves of the adjoint equation, see `memory_of_start`."""
        ...


@runtime_checkable
class RoutedMethod(Method, Protocol):
    """A rule that solves its adjoint system in one of several ways, by operators and size."""

    def route(self, lower: LowerLevel) -> str:
        """Say in a few words which way `lower` gets."""
        ...


def require_supported(method: Method, solver: Solver, lower: LowerLevel) -> None:
    """Refuse a rule, or a solver, that does not apply to `lower`.

    Raises:
        ValueError: with the reason of either.
        TypeError: if the rule or the solver says no traits, or a mesh's axes are explicit.
    """
    require_traits(solver, SolverTraits)
    require_traits(method, MethodTraits)
    require_automatic_axes(lower, "a lower level")
    reason = solver.supports(lower) or method.supports(solver, lower)
    if reason is not None:
        raise ValueError(f"{method!r} with {solver!r} does not apply: {reason}")
