"""An a-posteriori bound of the error of an implicit hypergradient."""

from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.linear_operator import InjectiveOperator
from ...problems.lower_level import LowerLevel
from ...problems.sensitivity import SensitiveRegularizer
from .distance_bound import distance_bound, rounded_up, strong_convexity


class ErrorBound(NamedTuple):
    """Bounds of ||z - z*||, z the hypergradient by the regulariser's parameters; the total is their sum.

    Attributes:
        lower_level: from the distance of x to the solution, through Hessian and mixed derivatives.
        adjoint: from the residual of the adjoint equation.
        outer: from the distance of x to the solution, through the cotangent.
        distance: bound of ||x - x*||.
        adjoint_distance: bound of ||v - v*||. By y the hypergradient is A v, so that ||A|| times it bounds
            that part's error.
    """

    lower_level: Float[Array, ""]
    adjoint: Float[Array, ""]
    outer: Float[Array, ""]
    distance: Float[Array, ""]
    adjoint_distance: Float[Array, ""]

    @property
    def total(self) -> Float[Array, "*batch"]:
        """The sum of the three parts."""
        return self.lower_level + self.adjoint + self.outer


def no_error_bound(lower: LowerLevel) -> str | None:
    """Return None if `error_bound` holds for this lower level, else a sentence that says why not."""
    name = type(lower.regularizer).__name__
    if not isinstance(lower.regularizer, SensitiveRegularizer):
        return f"{name} does not bound how its Hessian varies, so the hypergradient's error has no bound"
    if not isinstance(lower.A, InjectiveOperator):
        return f"no strong convexity is certified: {type(lower.A).__name__} may have a null space"
    return lower.regularizer.no_sensitivity()


def error_bound(
    lower: LowerLevel,
    x: Float[Array, "*shape"],
    cotangent: Float[Array, "*shape"],
    v: Float[Array, "*shape"],
    outer_lipschitz: float | Float[Array, ""] = 0.0,
    cotangent_moved: float | Float[Array, ""] = 0.0,
) -> ErrorBound:
    """Bound the distance of z = -J(x)^T v to the hypergradient z* = -J(x*)^T H(x*)^{-1} g(x*).

    H is the energy's Hessian and J the derivative of its gradient by the regulariser's parameters. With mu
    its strong convexity, r = ||grad E(x)|| / mu bounds ||x - x*||; with S(v) a bound of ||(H(x') - H(x)) v||,
    M(v) one of ||(J(x') - J(x))^T v|| and N one of ||J(x')||, all over ||x' - x|| <= r,

        ||z - z*|| <= M(v) + N ||v - v*||,   ||v - v*|| <= (||H(x) v - g|| + S(v) + outer_lipschitz r) / mu.

    Any v will do, however it was found. Infinite where mu is zero; may overestimate by orders of magnitude
    where A nearly has a null space. Rounding is allowed for by a rule of thumb, see `distance_bound`, and not
    proved. Source: Ehrhardt and Roberts, 2024; here with local constants along v instead of global ones.

    Args:
        lower: strongly convex, `no_error_bound(lower)` is None.
        x: near the solution.
        cotangent: g(x), the outer loss's gradient at x.
        v: near H^{-1} g.
        outer_lipschitz: Lipschitz constant of the outer loss's gradient: 2 / n for the mean squared error of
            n pixels. With 0 the bound is that of -J(x*)^T H(x*)^{-1} g, the cotangent taken as a constant.
        cotangent_moved: distance of x to where the cotangent was evaluated, if that is another point.

    Raises:
        ValueError: if the lower level has no bound, with the reason.
    """
    reason = no_error_bound(lower)
    if reason is not None:
        raise ValueError(reason)
    regularizer = cast(SensitiveRegularizer, lower.regularizer)
    mu = strong_convexity(lower, x.shape)
    lipschitz = jnp.asarray(outer_lipschitz, x.dtype)
    distance = distance_bound(lower, x)
    outer = lipschitz * (distance + jnp.asarray(cotangent_moved, x.dtype))
    product = jax.jvp(lower.gradient, (x,), (v,))[1]
    residual = rounded_up(lower, product - cotangent, v, cotangent)
    around = regularizer.sensitivity(x, distance)
    # How far an error of the adjoint equation's right-hand side is carried into z.
    carried = around.mixed_norm() / mu
    change = around.hessian_change(v)
    return ErrorBound(
        around.mixed_change(v) + carried * change,
        carried * residual,
        carried * outer,
        distance,
        (residual + change + outer) / mu,
    )
