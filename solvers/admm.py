"""The alternating direction method of multipliers."""

import math
from typing import NamedTuple, cast

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_solve
from jaxtyping import Array, Float

from ..problems.configuration import configuration
from ..problems.lower_level import LowerLevel
from .analysis_l1_problem import PrimalDualPair, analysis_regularizer, supports_analysis_l1
from .circulant import filtered, is_circulant, spectrum_of
from .normal_matrix import Layout, combine, data_matrix, factorize, rows_matrix
from .residuals import kkt_residual

LARGEST_FACTORED = 2048


class AdmmState(NamedTuple):
    """The primal iterate, its responses after shrinkage, the dual variable, and what the x-update needs.

    `inverse` is 1 / spectrum of A^T A + rho W^T W (circulant), its Cholesky factor, or a circulant
    preconditioner.
    """

    x: Float[Array, "..."]
    z: Float[Array, "..."]
    u: Float[Array, "..."]
    inverse: Array


@configuration
class Admm:
    """Solve  min_x 1/2 ||A x - y||^2 + sum_i weight_i |z_i|,  z = W x,  alternately in x and z.

    x+ = (A^T A + rho W^T W)^{-1} (A^T y + W^T (rho z - u)),  u+ = clip(u + rho W x+, -weight, weight),
    z+ = (u + rho W x+ - u+) / rho;  starts at x = A^T y, u = 0. The x-update is exact: an FFT where A and W
    are circulant, a Cholesky factor computed once where there are at most 2048 unknowns, else conjugate
    gradients from the last x with a circulant preconditioner where W is one. Few steps to a modest accuracy
    for every A; its rate depends on rho. Source: Boyd et al., 2011, section 3.1.

    Args:
        rho: weight of the constraint z = W x; 3 suits operators of norm near one.
        cg_steps: conjugate-gradient steps of one x-update at most, where they are used.

    Raises:
        ValueError: if `rho` is not positive or `cg_steps` below 1.
    """

    rho: float = 3.0
    cg_steps: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.rho < math.inf or self.cg_steps < 1:
            raise ValueError(
                f"rho must be positive and finite, cg_steps at least 1; got {self.rho} and {self.cg_steps}"
            )

    def supports(self, lower: LowerLevel) -> str | None:
        """Return None for l1 problems, else why not."""
        return supports_analysis_l1(lower)

    def init(self, lower: LowerLevel) -> AdmmState:
        """Start at x = A^T y, u = 0."""
        x = lower.A.adjoint(lower.y)
        return self.init_at(lower, PrimalDualPair(x, jnp.zeros_like(analysis_regularizer(lower).W(x))))

    def init_at(self, lower: LowerLevel, start: PrimalDualPair) -> AdmmState:
        """Start at a given pair, u moved into its bounds, with z = W x."""
        x, weight = start.x, analysis_regularizer(lower).weight_like(start.u)
        u = jnp.clip(start.u, -weight, weight)
        return AdmmState(x, analysis_regularizer(lower).W(x), u, self._inverse(lower, x.shape))

    def step(self, lower: LowerLevel, state: AdmmState) -> AdmmState:
        """Update x, then z and the dual variable."""
        regularizer = analysis_regularizer(lower)
        W, weight = regularizer.W, regularizer.weight_like(state.u)
        x = self._solve(lower, state, lower.A.adjoint(lower.y) + W.adjoint(self.rho * state.z - state.u))
        shifted = state.u + self.rho * W(x)
        u = jnp.clip(shifted, -weight, weight)
        return AdmmState(x, (shifted - u) / self.rho, u, state.inverse)

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
        return kkt_residual(lower, state.x, state.u)

    def _inverse(self, lower: LowerLevel, shape: tuple[int, ...]) -> Array:
        W = analysis_regularizer(lower).W
        impulse = jnp.zeros(shape, lower.y.dtype).at[(0,) * len(shape)].set(1)
        if is_circulant(lower.A) and is_circulant(W):
            return 1 / (spectrum_of(lower.A, impulse) + self.rho * spectrum_of(W, impulse))
        if math.prod(shape) <= LARGEST_FACTORED:
            layout = Layout(shape, None)
            ones = jnp.ones_like(W(lower.A.adjoint(lower.y)))
            matrix = combine(data_matrix(lower, layout), self.rho, rows_matrix(lower, layout, ones), 0.0)
            return cast(Array, factorize(matrix))
        if not is_circulant(W):
            return jnp.ones((), lower.y.dtype)
        # A^T A replaced by the mean of its diagonal.
        diagonal = jnp.mean(lower.A.adjoint(lower.A(jnp.ones_like(impulse))))
        return 1 / (diagonal + self.rho * spectrum_of(W, impulse))

    def _solve(self, lower: LowerLevel, state: AdmmState, rhs: Array) -> Array:
        W = analysis_regularizer(lower).W
        if is_circulant(lower.A) and is_circulant(W):
            return filtered(state.inverse, rhs)
        if math.prod(rhs.shape) <= LARGEST_FACTORED:
            return cho_solve((state.inverse, True), rhs.ravel()).reshape(rhs.shape)

        def normal(x: Array) -> Array:
            return lower.A.adjoint(lower.A(x)) + self.rho * W.adjoint(W(x))

        def precondition(r: Array) -> Array:
            return filtered(state.inverse, r) if state.inverse.ndim else r

        tolerance = 100 * float(jnp.finfo(rhs.dtype).eps)
        return jax.scipy.sparse.linalg.cg(
            normal, rhs, state.x, tol=tolerance, maxiter=self.cg_steps, M=precondition
        )[0]
