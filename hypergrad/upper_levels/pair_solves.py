"""Lower levels and adjoint equations of all pairs, solved as accurately as an upper level asks."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...problems.values.configuration import configuration
from ...solvers.budget import Budget
from ...solvers.continued import continue_solve
from ...solvers.iterations.nesterov import Nesterov
from ...solvers.linear.cg import Cg
from ...solvers.residuals import gradient_scale
from ...solvers.solve import Ended
from ...solvers.solver import PointSolver
from ..adjoint_equation import of_optimality
from ..bounds.distance_bound import distance_bound, strong_convexity
from ..bounds.error_bound import error_bound
from .upper_problem import UpperProblem

REACHABLE = 10
"""No residual is asked for below so many times the dtype's precision."""


class Solutions(NamedTuple):
    """Approximate solutions of the lower levels.

    Attributes:
        x: one per pair.
        residual: of each, relative.
        gradients: evaluations of the energy's gradient, over all pairs.
    """

    x: Float[Array, "pairs ..."]
    residual: Float[Array, " pairs"]
    gradients: Int[Array, ""]


class MeanGradient(NamedTuple):
    """An inexact hypergradient of the mean loss.

    Attributes:
        value: by the regulariser's parameters, of the regulariser's type.
        adjoint: one per pair.
        products: of the Hessian with a vector, over all pairs.
        converged: whether every adjoint equation was solved to what was asked for.
    """

    value: Any
    adjoint: Float[Array, "pairs ..."]
    products: Int[Array, ""]
    converged: Bool[Array, ""]


@configuration
class PairSolves:
    """Say by what lower levels and adjoint equations are solved; how accurately, an upper level says.

    Solves go on from solutions and adjoints of the step before. The adjoint equation is solved by conjugate
    gradients.

    Args:
        solver: of the lower level; one that can begin at a point.
        max_steps: of the solver, for one pair and one solve.
        check_every: the residual is looked at once in so many steps.
        max_products: of the Hessian with a vector, for one pair and one adjoint equation.

    Raises:
        ValueError: if a count is below 1.
    """

    solver: PointSolver = Nesterov()
    max_steps: int = 5000
    check_every: int = 1
    max_products: int = 1000

    def __post_init__(self) -> None:
        if min(self.max_steps, self.check_every, self.max_products) < 1:
            raise ValueError(f"max_steps, check_every and max_products must be at least 1; got {self!r}")

    def first(self, problem: UpperProblem, regularizer: Regularizer) -> Float[Array, "pairs ..."]:
        """Return where the solver begins when it knows nothing."""

        def begin(lower: LowerLevel, truth: Array) -> Array:
            del truth
            return self.solver.iterate(lower, self.solver.init(lower))

        return problem.over_pairs(begin, regularizer)

    def solve(
        self,
        problem: UpperProblem,
        regularizer: Regularizer,
        x: Float[Array, "pairs ..."],
        tolerances: Float[Array, " pairs"],
    ) -> Solutions:
        """Solve the lower levels, from x, until each residual is at most its tolerance, or `max_steps`."""

        def solve_pair(lower: LowerLevel, truth: Array, x: Array, tolerance: Array) -> Ended:
            del truth
            state = self.solver.init_at_point(lower, x)
            begun = Ended(state, jnp.zeros((), jnp.int32), self.solver.residual(lower, state))
            ended = continue_solve(self.solver, self._budget, lower, begun, tolerance)
            return ended._replace(state=_finite_or(x, self.solver.iterate(lower, ended.state)))

        least = REACHABLE * float(jnp.finfo(x.dtype).eps)
        found = problem.over_pairs(solve_pair, regularizer, x, jnp.maximum(tolerances, least))
        return Solutions(found.state, found.residual, self._gradients(found.steps))

    def gradient(
        self,
        problem: UpperProblem,
        regularizer: Regularizer,
        x: Float[Array, "pairs ..."],
        adjoint: Float[Array, "pairs ..."],
        tolerance: Float[Array, ""],
    ) -> MeanGradient:
        """Solve the adjoint equations at x, from a guess, and pair them with the optimality conditions.

        Args:
            problem: the pairs.
            regularizer: whose hypergradient it is.
            x: approximate solutions.
            adjoint: guesses of the adjoints.
            tolerance: relative residual of each adjoint equation.
        """
        linear = Cg(self.max_products, tolerance)

        def of_pair(lower: LowerLevel, truth: Array, x: Array, v: Array) -> Any:
            equation = of_optimality(lower, x, jax.grad(problem.loss.value)(x, truth))
            found = linear.solve_linear(equation.matvec, equation.rhs, start=v)
            found = found._replace(value=_finite_or(v, found.value))
            return equation.pull(found.value).regularizer, found

        values, found = problem.over_pairs(of_pair, regularizer, x, adjoint)
        value = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), values)
        # One product to begin with, and one for the residual.
        products = jnp.sum(found.steps + 2, dtype=jnp.int32)
        return MeanGradient(value, found.value, products, jnp.all(found.converged))

    @property
    def _budget(self) -> Budget:
        return Budget(self.max_steps, check_every=self.check_every)

    def _gradients(self, steps: Int[Array, " pairs"]) -> Int[Array, ""]:
        """Count the steps and the looks at the residual, one at the start; some solvers know it anyway."""
        knows = self.solver.traits.checks_every_step
        looks = jnp.zeros_like(steps) if knows else 1 + steps // self.check_every
        return jnp.sum(steps + looks, dtype=jnp.int32)


def distances(
    problem: UpperProblem, regularizer: Regularizer, x: Float[Array, "pairs ..."]
) -> Float[Array, " pairs"]:
    """Bound the distance of each approximate solution to the exact one, by ||grad E(x)|| / mu."""

    def of_pair(lower: LowerLevel, truth: Array, x: Array) -> Array:
        del truth
        return distance_bound(lower, x)

    return problem.over_pairs(of_pair, regularizer, x)


def tolerances_for(
    problem: UpperProblem, regularizer: Regularizer, accuracy: Float[Array, ""]
) -> Float[Array, " pairs"]:
    """Return the relative residuals at which ||x - x*|| is certainly at most accuracy times sqrt(n)."""

    def of_pair(lower: LowerLevel, truth: Array) -> Array:
        root = float(truth.size) ** 0.5
        return accuracy * root * strong_convexity(lower, truth.shape) / gradient_scale(lower)

    return problem.over_pairs(of_pair, regularizer)


def gradient_bound(
    problem: UpperProblem,
    regularizer: Regularizer,
    x: Float[Array, "pairs ..."],
    adjoint: Float[Array, "pairs ..."],
) -> Float[Array, ""]:
    """Bound the distance of the mean hypergradient, formed at x with these adjoints, to the exact one.

    The mean of `error_bound` over the pairs.
    """

    def of_pair(lower: LowerLevel, truth: Array, x: Array, v: Array) -> Array:
        cotangent = jax.grad(problem.loss.value)(x, truth)
        return error_bound(lower, x, cotangent, v, problem.loss.lipschitz(x.shape)).total

    return jnp.mean(problem.over_pairs(of_pair, regularizer, x, adjoint))


def _finite_or(start: Float[Array, "*shape"], end: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return where a solve ended, or where it began: from what is not finite no later solve would recover."""
    return jnp.where(jnp.all(jnp.isfinite(end)), end, start)
