"""The reference ladder: a hypergradient in float64 with the means to bound its own error."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..problems.identity import Identity
from ..problems.lower_level import LowerLevel
from ..problems.regularizer import AnalysisRegularizer, SmoothRegularizer
from ..solvers.analysis_l1_problem import analysis_regularizer
from ..solvers.budget import Budget
from ..solvers.cg import Cg
from ..solvers.dense import Dense
from ..solvers.dual_fista import DualFista
from ..solvers.nesterov import Nesterov
from ..solvers.primal_dual import PrimalDual
from ..solvers.residuals import gradient_residual
from ..solvers.solve import solve
from .analysis_pairing import pair
from .central_differences import central_differences
from .certified_l1 import certify_l1, operator_matrix, solve_active
from .implicit import Implicit
from .method import Outer

CLOSED_FORM = "closed form on a certified solution"
DENSE_IMPLICIT = "dense implicit"
TIGHT_IMPLICIT = "tight implicit"
LARGEST_DENSE = 1024
LARGEST_CERTIFIED = 1200
_NEWTON_STEPS = 4
_TIGHT = Cg(max_steps=2000, tolerance=1e-13)


class Reference(NamedTuple):
    """A reference hypergradient and an independent derivative to judge it by.

    Attributes:
        x: the solution, polished to rounding.
        value: outer(x).
        gradient: one cotangent a leaf of the lower level.
        differences: central differences of re-solved losses along the given directions.
        trusted: whether the solution is certified (l1) or stationary to 1e-10 (smooth).
    """

    x: Float[Array, "..."]
    value: Float[Array, ""]
    gradient: LowerLevel
    differences: Float[Array, " count"]
    trusted: Bool[Array, ""]


def reference_rung(lower: LowerLevel) -> tuple[str, bool]:
    """Name the highest rung of the ladder that fits `lower`, and True; or say why there is none, and False.

    From the top: the closed form on a certified l1 solution; implicit differentiation of a smooth energy with
    a dense solve; the same with conjugate gradients at a tolerance of 1e-13. Each is judged by central
    differences of losses that are solved anew.
    """
    size = 1
    for length in lower.shape:
        size *= length
    if isinstance(lower.regularizer, SmoothRegularizer):
        return (DENSE_IMPLICIT if size <= LARGEST_DENSE else TIGHT_IMPLICIT), True
    if not isinstance(lower.regularizer, AnalysisRegularizer):
        return f"no rung of the reference ladder covers {type(lower.regularizer).__name__}", False
    rows = jax.eval_shape(lower.regularizer.W, jax.ShapeDtypeStruct(lower.shape, lower.y.dtype)).size
    if size + rows > LARGEST_CERTIFIED:
        return f"certifying {size} unknowns and {rows} rows densely is too large", False
    return CLOSED_FORM, True


def reference(lower: LowerLevel, outer: Outer, directions: LowerLevel) -> Reference:
    """Compute the hypergradient of outer(x*(lower)) on the highest rung, and central differences beside it.

    A pure function that can be jitted and vmapped. The relative error of the gradient is bounded by
    `disagreement`; an untrusted reference must not be used.

    Args:
        lower: float64.
        outer: the loss.
        directions: from `random_directions`.

    Raises:
        ValueError: if `lower` is not float64, or no rung covers it.
    """
    rung, exists = reference_rung(lower)
    if not exists:
        raise ValueError(rung)
    if lower.y.dtype != jnp.float64:
        raise ValueError(f"a reference needs float64; got {lower.y.dtype}")
    if rung == CLOSED_FORM:
        return _certified_reference(lower, outer, directions)
    return _implicit_reference(lower, outer, directions, Dense() if rung == DENSE_IMPLICIT else _TIGHT)


def disagreement(
    gradient: LowerLevel, directions: LowerLevel, differences: Float[Array, " count"]
) -> Float[Array, ""]:
    """Bound the relative error of a gradient by its disagreement with central differences.

    For an error e and a direction uniform on the unit sphere of p parameters, E<e, d>^2 = ||e||^2 / p. The
    worst of the directions, times sqrt(p), over the gradient's norm, is returned; noise of the differences
    enlarges it, so that it errs on the safe side.
    """
    slopes = sum(
        jnp.tensordot(direction, leaf, axes=leaf.ndim)
        for direction, leaf in zip(jax.tree.leaves(directions), jax.tree.leaves(gradient), strict=True)
    )
    moving = [
        (direction, leaf)
        for direction, leaf in zip(jax.tree.leaves(directions), jax.tree.leaves(gradient), strict=True)
        if bool(jnp.any(direction != 0))
    ]
    size = sum(leaf.size for _, leaf in moving)
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for _, leaf in moving))
    return jnp.sqrt(float(size)) * jnp.max(jnp.abs(slopes - differences)) / norm


def _certified_reference(lower: LowerLevel, outer: Outer, directions: LowerLevel) -> Reference:
    solver = DualFista() if isinstance(lower.A, Identity) else PrimalDual()
    tight = solve(solver, Budget(50_000, 1e-12, 100), lower)
    start = (tight.x, solver.dual(lower, tight.state))
    base = certify_l1(lower, *start)
    point = base.point
    value, cotangent = jax.value_and_grad(outer)(point.x)
    W, A = (
        operator_matrix(analysis_regularizer(lower).W, point.x.shape),
        operator_matrix(lower.A, point.x.shape),
    )
    # The adjoint system is the active-set system itself: no inactive duals, the cotangent on the right.
    no_dual = jnp.zeros(W.shape[:1], W.dtype)
    v, mu = solve_active(A, W, point.active.ravel(), cotangent.ravel(), no_dual)
    gradient = pair(lower, point, v.reshape(point.x.shape), mu.reshape(point.u.shape))

    def loss(moved: LowerLevel) -> Array:
        again = certify_l1(moved, point.x, point.u)
        return jnp.where(again.certified, outer(again.point.x), jnp.nan)

    return Reference(point.x, value, gradient, central_differences(loss, lower, directions), base.certified)


def _implicit_reference(
    lower: LowerLevel, outer: Outer, directions: LowerLevel, linear: Cg | Dense
) -> Reference:
    tight = solve(Nesterov(), Budget(20_000, 1e-10, 50), lower)
    x, residual = _newton(lower, tight.x)
    value, cotangent = jax.value_and_grad(outer)(x)
    solution = tight._replace(x=x)
    gradient, _ = Implicit(linear).backward(Nesterov(), lower, solution, cotangent)

    def loss(moved: LowerLevel) -> Array:
        x_moved, residual = _newton(moved, x)
        return jnp.where(residual <= 1e-10, outer(x_moved), jnp.nan)

    differences = central_differences(loss, lower, directions)
    return Reference(x, value, gradient, differences, residual <= 1e-10)


def _newton(lower: LowerLevel, x: Float[Array, "..."]) -> tuple[Float[Array, "..."], Float[Array, ""]]:
    def step(x: Array, _: None) -> tuple[Array, None]:
        gradient = lower.gradient(x)
        update = _TIGHT.solve_linear(lambda v: jax.jvp(lower.gradient, (x,), (v,))[1], gradient)
        return x - update.value, None

    x = jax.lax.scan(step, x, length=_NEWTON_STEPS)[0]
    return x, gradient_residual(lower, x)
