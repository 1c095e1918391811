"""What the linear solvers of adjoint equations offer."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.arrays.mesh_axes import differing_as
from .linear_solver_traits import LinearSolverTraits


class LinearSolution(NamedTuple):
    """The end of a linear solve.

    Attributes:
        value: the solution, shape of the right-hand side.
        residual: ||H value - rhs|| / ||rhs||, computed afresh.
        steps: iterations made, a scalar; 1 for a direct solve.
        converged: whether the residual is what was asked for, see `has_converged`; None where a solver that
            does not aim at the solution (a truncated series) makes no such claim.
    """

    value: Float[Array, "..."]
    residual: Float[Array, ""]
    steps: Int[Array, ""]
    converged: Bool[Array, ""] | None = None


Matvec = Callable[[Float[Array, "*shape"]], Float[Array, "*shape"]]

_SLACK = 10
_ROUNDINGS = 100


@runtime_checkable
class LinearSolver(Protocol):
    """A way to solve H v = rhs with H given as a function.

    Every one says its traits: `traits = LinearSolverTraits()` in the class, without an annotation, which
    would make it a setting, or a property where they depend on its settings.
    """

    @property
    def traits(self) -> LinearSolverTraits:
        """Which systems it takes, and whether it solves them."""
        ...

    def solve_linear(
        self,
        matvec: Matvec,
        rhs: Float[Array, "*shape"],
        *,
        start: Float[Array, "*shape"] | None = None,
        preconditioner: Matvec | None = None,
    ) -> LinearSolution:
        """Solve for one right-hand side of any shape.

        Args:
            matvec: H, a linear function from the shape of `rhs` to itself.
            rhs: the right-hand side; solvers are invariant to its scale.
            start: a guess of the solution, for iterations; zero if None.
            preconditioner: an approximation of H^{-1}, symmetric positive definite where H is, for
                iterations; direct solvers ignore it.
        """
        ...


def normalized(rhs: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, ""]]:
    """Return rhs / ||rhs|| and ||rhs||: iterations underflow on a tiny right-hand side, and 0 stays 0."""
    norm = euclidean_norm(rhs)
    norm = jnp.where(norm > 0, norm, jnp.ones_like(norm))
    return rhs / norm, norm


def unchanged(v: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Return v: the preconditioner of a system that has none."""
    return v


def checked(
    matvec: Matvec,
    unit: Float[Array, "..."],
    value: Float[Array, "..."],
    norm: Float[Array, ""],
    steps: Int[Array, ""],
    tolerance: float | Float[Array, ""] | None,
) -> LinearSolution:
    """Measure the true residual for the normalised right-hand side `unit`, judge it, and scale back.

    The tolerance is the solver's, 0 for a direct one, None for one that makes no claim.
    """
    residual = euclidean_norm(matvec(value) - unit)
    converged = None if tolerance is None else has_converged(residual, tolerance, value)
    account = differing_as((residual, jnp.asarray(steps, jnp.int32), converged), residual)
    return LinearSolution(norm * value, *account)


def has_converged(
    residual: Float[Array, ""], tolerance: float | Float[Array, ""], value: Float[Array, "..."]
) -> Bool[Array, ""]:
    """Tell whether a relative residual is within ten times the tolerance, or is rounding.

    Of a system scaled to a norm of about one, as adjoint equations are here, rounding leaves some hundred
    times the precision times the solution's norm over the right-hand side's; never more than the root of the
    precision counts as rounding. NaN has not converged.

    Args:
        residual: relative.
        tolerance: that was asked for.
        value: the solution, for a right-hand side of norm one.
    """
    precision = jnp.finfo(residual.dtype).eps
    length = euclidean_norm(value)
    rounding = jnp.minimum(_ROUNDINGS * precision * (1 + length), precision**0.5)
    return residual <= jnp.maximum(_SLACK * tolerance, rounding).astype(residual.dtype)
