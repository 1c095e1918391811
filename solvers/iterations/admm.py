"""The alternating direction method of multipliers."""

import math
from typing import NamedTuple, cast

import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from ...problems.lower_level import LowerLevel
from ...problems.values.configuration import configuration
from ...problems.values.validation import is_known
from ..analysis_l1_problem import (
    PrimalDualPair,
    SquaredNorms,
    penalty_of,
    squared_norms,
    supports_analysis,
)
from ..dual_norm import inside_bounds
from ..linear.cg import Cg
from ..linear.implicit_linear import solve_implicitly
from ..matrices.circulant import filtered, is_circulant, spectrum_of
from ..matrices.normal_matrix import Layout, combine, data_matrix, factorize, rows_matrix
from ..residuals import kkt_residual
from ..solver_traits import SolverTraits
from .first_iterate import first_pair

LARGEST_FACTORED = 2048


class AdmmState(NamedTuple):
    """The primal iterate, its responses after shrinkage, the dual variable, and what the x-update needs.

    `inverse` is 1 / spectrum of A^T A + sigma W^T W (circulant), its Cholesky factor, or a circulant
    preconditioner.
    """

    x: Float[Array, "..."]
    z: Float[Array, "..."]
    u: Float[Array, "..."]
    inverse: Float[Array, "..."]
    norms: SquaredNorms


@configuration
class Admm:
    """Solve  min_x 1/2 ||A x - y||^2 + sum_i weight_i |z_i|,  z = W x,  alternately in x and z.

    x+ = (A^T A + sigma W^T W)^{-1} (A^T y + W^T (sigma z - u)),  u+ = clip(u + sigma W x+, -weight, weight),
    z+ = (u + sigma W x+ - u+) / sigma;  starts at x = A^T y / ||A||^2, u = 0. A norm of groups scales each in
    place of the clip. The x-update is exact: an FFT
    where A and W are circulant, a Cholesky factor computed once where there are at most 2048 unknowns, else
    conjugate gradients from the last x with a circulant preconditioner where W is one, differentiated as the
    solution of its equation. Few steps to a modest accuracy for every A; its rate depends on rho.
    Source: Boyd et al., 2011, section 3.1.

    Args:
        rho: sigma ||W||^2 / ||A||^2, the weight of the constraint z = W x, whatever the units. An array can
            be traced, and learned through `Unrolled`.
        cg_steps: conjugate-gradient steps of one x-update at most, where they are used.

    Raises:
        ValueError: if `rho` is not positive or `cg_steps` below 1.
    """

    rho: float | Float[Array, ""] = 15.0
    cg_steps: int = 50
    traits = SolverTraits()

    def __post_init__(self) -> None:
        if (is_known(self.rho) and not 0 < self.rho < math.inf) or self.cg_steps < 1:
            raise ValueError(
                f"rho must be positive and finite, cg_steps at least 1; got {self.rho} and {self.cg_steps}"
            )

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for l1 problems and norms of groups, else why not."""
        return supports_analysis(lower)

    def init(self, lower: LowerLevel) -> AdmmState:
        """Start at x = A^T y / ||A||^2, u = 0."""
        return self.init_at(lower, first_pair(lower))

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> AdmmState:
        """Start at a given pair, u moved into its bounds, with z = W x."""
        x, u = start.x, inside_bounds(penalty_of(lower), start.u)
        norms = squared_norms(lower, x.shape)
        sigma = self.rho * norms.dual_unit
        return AdmmState(x, penalty_of(lower).W(x), u, _inverse(lower, sigma, x.shape), norms)

    def step(self, lower: LowerLevel, state: AdmmState) -> AdmmState:
        """Update x, then z and the dual variable."""
        regularizer = penalty_of(lower)
        W = regularizer.W
        sigma = self.rho * state.norms.dual_unit
        x = self._solve(lower, state, lower.A.adjoint(lower.y) + W.adjoint(sigma * state.z - state.u))
        shifted = state.u + sigma * W(x)
        u = inside_bounds(regularizer, shifted)
        return AdmmState(x, (shifted - u) / sigma, u, state.inverse, state.norms)

    def iterate(self, lower: LowerLevel, state: AdmmState) -> Float[Array, "..."]:
        """Return the primal iterate."""
        del lower
        return state.x

    def dual(self, lower: LowerLevel, state: AdmmState) -> Float[Array, "..."]:
        """Return the dual variable u, shape of W x."""
        del lower
        return state.u

    def residual(self, lower: LowerLevel, state: AdmmState) -> Float[Array, ""]:
        """Return the relative KKT residual, duality gap included."""
        return kkt_residual(lower, state.x, state.u, state.norms)

    def _solve(self, lower: LowerLevel, state: AdmmState, rhs: Float[Array, "..."]) -> Array:
        W, sigma = penalty_of(lower).W, self.rho * state.norms.dual_unit
        if is_circulant(lower.A) and is_circulant(W):
            return filtered(state.inverse, rhs)
        if math.prod(rhs.shape) <= LARGEST_FACTORED:
            return cho_solve((state.inverse, True), rhs.ravel()).reshape(rhs.shape)

        def normal(x: Array) -> Array:
            return lower.A.adjoint(lower.A(x)) + sigma * W.adjoint(W(x))

        def precondition(r: Array) -> Array:
            return filtered(state.inverse, r) if state.inverse.ndim else r

        linear = Cg(self.cg_steps, 100 * float(jnp.finfo(rhs.dtype).eps))
        return solve_implicitly(linear, normal, rhs, start=state.x, preconditioner=precondition).value


def _inverse(lower: LowerLevel, sigma: Float[Array, ""], shape: tuple[int, ...]) -> Array:
    W = penalty_of(lower).W
    impulse = jnp.zeros(shape, lower.y.dtype).at[(0,) * len(shape)].set(1)
    if is_circulant(lower.A) and is_circulant(W):
        return 1 / (spectrum_of(lower.A, impulse) + sigma * spectrum_of(W, impulse))
    if math.prod(shape) <= LARGEST_FACTORED:
        layout = Layout(shape, None)
        ones = jnp.ones_like(W(lower.A.adjoint(lower.y)))
        matrix = combine(data_matrix(lower, layout), sigma, rows_matrix(lower, layout, ones), 0.0)
        return cast(Array, factorize(layout, matrix))
    if not is_circulant(W):
        return jnp.ones((), lower.y.dtype)
    # A^T A replaced by the mean of its diagonal.
    diagonal = jnp.mean(lower.A.adjoint(lower.A(jnp.ones_like(impulse))))
    return 1 / (diagonal + sigma * spectrum_of(W, impulse))
