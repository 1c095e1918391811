"""The reference ladder: a hypergradient in float64 with the means to bound its own error."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...problems.lower_level import LowerLevel
from ...problems.regularizer import AnalysisRegularizer, SmoothRegularizer, is_convex
from ...solvers.analysis_l1_problem import PrimalDualPair
from ...solvers.budget import Budget
from ...solvers.fixed_point_map import (
    depends_on_step_size,
    is_backward,
    map_move,
    map_step_size,
    supports_map,
)
from ...solvers.iterations.anderson import Anderson
from ...solvers.iterations.first_iterate import first_pair
from ...solvers.iterations.nesterov import Nesterov
from ...solvers.iterations.picard import Picard, PicardState
from ...solvers.linear.cg import Cg
from ...solvers.linear.dense import Dense
from ...solvers.linear.gmres import Gmres
from ...solvers.linear.linear_solver import LinearSolver
from ...solvers.matrices.normal_matrix import layout_of
from ...solvers.residuals import fixed_point_residual
from ...solvers.solve import solve
from ..l1.active_set_system import active_set_system
from ..l1.analysis_pairing import pair
from ..l1.certified_solution import CertifiedSolution, certified_solution, is_nonsmooth
from ..l1.system_solution import solve_system
from ..method import Outer
from ..rules.implicit import Implicit
from ..solved import Solved
from .central_differences import Differences, kinked, plateau, solve_and_differ
from .stationary_point import Curvature, dense_curvature, lanczos_curvature

CLOSED_FORM = "closed form on a certified solution"
DENSE_IMPLICIT = "dense implicit"
TIGHT_IMPLICIT = "tight implicit"
LARGEST_DENSE = 1024
LARGEST_CERTIFIED = 4096
_NEWTON_STEPS = 4
_SMALL = 256
"""Up to so many unknowns a matrix is built and factorised sooner than an iteration ends at rounding."""


class Reference(NamedTuple):
    """A reference hypergradient and an independent derivative to judge it by.

    Attributes:
        x: the solution, polished to rounding.
        value: outer(x).
        gradient: one cotangent per leaf of the lower level.
        differences: of re-solved losses along the given directions.
        trusted: whether the solution is certified (l1) or stationary to 1e-10 (others), and no saddle point.
        nonsmooth: whether the solution has a kink here: there is no gradient then, and left and right
            differences differ.
        saddle: whether the solution is stationary and the energy falls along some direction from it.
        curvature: ends of the spectrum of the energy's Hessian at the solution; None of what is convex or has
            no Hessian.
    """

    x: Float[Array, "..."]
    value: Float[Array, ""]
    gradient: LowerLevel
    differences: Differences
    trusted: Bool[Array, ""]
    nonsmooth: Bool[Array, ""]
    saddle: Bool[Array, ""]
    curvature: Curvature | None = None


def reference_rung(lower: LowerLevel) -> tuple[str, bool]:
    """Name the highest rung of the ladder that fits `lower`, and True; or say why there is none, and False.

    From the top: the closed form on a certified l1 solution; implicit differentiation with a dense solve, of
    a smooth energy, of an operator without one, or of the forward-backward map of a proximal operator, whose
    step size is the solvers' default; the same with an iteration at a tolerance of 1e-13: conjugate
    gradients, or GMRES without an energy. Each is judged by central differences of losses that are solved
    anew; where an energy need not be convex, also by the curvature at the solution (`stationary_point`).
    """
    size = 1
    for length in lower.shape:
        size *= length
    if not isinstance(lower.regularizer, AnalysisRegularizer):
        if supports_map(lower) is not None:
            return f"no rung of the reference ladder covers {type(lower.regularizer).__name__}", False
        return (DENSE_IMPLICIT if size <= LARGEST_DENSE else TIGHT_IMPLICIT), True
    if size > LARGEST_CERTIFIED or not layout_of(lower, lower.shape).fits:
        return f"certifying {size} unknowns takes too long", False
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
    return _implicit_reference(
        lower, outer, directions, Dense() if rung == DENSE_IMPLICIT else tight_solver(lower)
    )


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
    def loss(found: CertifiedSolution) -> Array:
        return jnp.where(found.certificate.certified, outer(found.point.x), jnp.nan)

    base, quotients = solve_and_differ(
        certified_solution,
        lambda found: PrimalDualPair(found.point.x, found.point.u),
        loss,
        lower,
        directions,
        # The first solve begins at a pair too, so that it is compiled with the others.
        first_pair(lower),
    )
    point = base.point
    value, cotangent = jax.value_and_grad(outer)(point.x)
    system = active_set_system(lower, point.active, point.x.shape)
    adjoint = solve_system(lower, system, cotangent, jnp.zeros_like(point.u))
    gradient = pair(lower, point, adjoint.v, adjoint.mu)
    return Reference(
        point.x,
        value,
        gradient,
        jax.vmap(plateau)(quotients),
        base.certificate.certified,
        is_nonsmooth(lower, base, adjoint, gradient),
        jnp.zeros((), bool),
    )


def _implicit_reference(
    lower: LowerLevel, outer: Outer, directions: LowerLevel, linear: LinearSolver
) -> Reference:
    solver = Nesterov() if isinstance(lower.regularizer, SmoothRegularizer) else Anderson()
    tight = solve(solver, Budget(20_000, 1e-10, 50), lower)
    tau = map_step_size(lower, 1.0)

    def solved(moved: LowerLevel, x: Array) -> tuple[Array, Array]:
        # Made anew only where it matters: of networks it takes an estimate of their Lipschitz constant.
        return _newton(moved, x, map_step_size(moved, 1.0) if depends_on_step_size(lower) else tau)

    def loss(found: tuple[Array, Array]) -> Array:
        return jnp.where(found[1] <= 1e-10, outer(found[0]), jnp.nan)

    (x, residual), quotients = solve_and_differ(
        solved, lambda found: found[0], loss, lower, directions, tight.x
    )
    stationary, curvature = residual <= 1e-10, _curvature(lower, x)
    saddle = stationary & curvature.is_saddle if curvature is not None else jnp.zeros((), bool)
    value, cotangent = jax.value_and_grad(outer)(x)
    on = "fixed-point" if is_backward(lower) else "optimality"
    solution = tight._replace(x=x, state=PicardState(x, tau))
    gradient, _ = Implicit(linear, on=on).backward(Solved(Picard(), Budget(), lower, solution), cotangent)
    differences = jax.vmap(plateau)(quotients)
    nonsmooth = kinked(quotients, value)
    return Reference(x, value, gradient, differences, stationary & ~saddle, nonsmooth, saddle, curvature)


def _curvature(lower: LowerLevel, x: Float[Array, "..."]) -> Curvature | None:
    """Look at the Hessian where an energy has one and need not be convex."""
    if is_convex(lower.regularizer) or not isinstance(lower.regularizer, SmoothRegularizer):
        return None
    return dense_curvature(lower, x) if x.size <= LARGEST_DENSE else lanczos_curvature(lower, x)


def tight_solver(lower: LowerLevel) -> LinearSolver:
    """Return the iteration that solves the lower level's linear systems to a tolerance of 1e-13."""
    if isinstance(lower.regularizer, SmoothRegularizer):
        return Cg(max_steps=2000, tolerance=1e-13)
    return Gmres(max_steps=200, tolerance=1e-13)


def _newton(
    lower: LowerLevel, x: Float[Array, "..."], tau: Float[Array, ""]
) -> tuple[Float[Array, "..."], Float[Array, ""]]:
    """Polish a fixed point of the map with step size tau, on which that of a denoiser depends."""

    def step(x: Array, _: None) -> tuple[Array, None]:
        move = map_move(lower, x, tau)
        update = linear.solve_linear(
            lambda v: -jax.jvp(lambda x: map_move(lower, x, tau), (x,), (v,))[1], move
        )
        return x + update.value, None

    linear = Dense() if x.size <= _SMALL else tight_solver(lower)

    x = jax.lax.scan(step, x, length=_NEWTON_STEPS)[0]
    return x, fixed_point_residual(lower, x, tau)
