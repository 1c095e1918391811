"""The optimality system of an l1 problem on a given active set, solved by a factor and corrections."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ...problems.arrays.euclidean_norm import euclidean_norm
from ...problems.arrays.mesh_axes import differing_as
from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import penalty_of, squared_norms
from ...solvers.linear.cg import Cg
from ...solvers.linear.linear_solver import has_converged
from ...solvers.matrices.normal_matrix import layout_of
from .active_set_system import ActiveSetSystem, operators
from .group_curvature import normal_product

REACHED = {"float64": 1e-11, "float32": 1e-5}
"""Relative residual that corrections reach whatever the units, through the penalty's rounding."""
CORRECTIONS, ROUNDS = 10, 3
# Dependent rows make the multiplier's system singular, and steps beyond rounding then amplify it: what the
# tolerance leaves is for the corrections after them.
_MULTIPLIER = Cg(max_steps=100, tolerance=1e-6)


class SystemSolution(NamedTuple):
    """The solution of the system for one right-hand side.

    Attributes:
        v: the part of the shape of x.
        mu: the multiplier of the active rows, zero elsewhere.
        residual: norm of what is left of the right-hand side, over its norm.
        steps: corrections and conjugate-gradient steps, or those of an iteration.
        converged: whether the residual is rounding, or what an iteration was asked for; None where that makes
            no claim.
    """

    v: Float[Array, "..."]
    mu: Float[Array, "..."]
    residual: Float[Array, ""]
    steps: Int[Array, ""]
    converged: Bool[Array, ""] | None


class _Approximation(NamedTuple):
    """v and mu so far, what is left of the two right-hand sides, and what was done for it.

    Attributes:
        v: of the shape of x.
        mu: zero on inactive rows.
        first: what is left of the first right-hand side.
        second: of the second, on active rows.
        steps: corrections and conjugate-gradient steps; each is one solve with the factor, or few.
        rounds: corrections, or rounds, of the loop that runs.
        gaining: whether the last one halved what is left.
    """

    v: Float[Array, "..."]
    mu: Float[Array, "..."]
    first: Float[Array, "..."]
    second: Float[Array, "..."]
    steps: Int[Array, ""]
    rounds: Int[Array, ""]
    gaining: Bool[Array, ""]

    def again(self) -> "_Approximation":
        """Return it as the start of another loop."""
        return self._replace(rounds=jnp.zeros_like(self.rounds), gaining=jnp.ones_like(self.gaining))

    @property
    def left(self) -> Float[Array, ""]:
        """The squared norm of what is left."""
        return _squares(self.first, self.second)


def solve_system(
    lower: LowerLevel, system: ActiveSetSystem, top: Float[Array, "*shape"], bottom: Float[Array, "*range"]
) -> SystemSolution:
    """Solve  A^T A v + W0^T mu = top,  W0 v = bottom  (bottom is read on the active rows only).

    The penalty is added to the first block and its effect to the right-hand side, which changes no solution.
    A correction by the factor,  dv = (A^T A + sigma W0^T W0)^{-1} (first + sigma W0^T second),  dmu =
    sigma (W0 dv - second),  leaves the more of a singular value of W0 the smaller it is: 1 / (1 + sigma s^2).
    A few of them end at rounding where the active rows are independent, and take no part in rows that are
    dependent, for which mu is then the smallest. Where rows are nearly dependent, conjugate gradients on
    W0 (A^T A + sigma W0^T W0)^{-1} W0^T  find the rest: its eigenvalues times sigma crowd at one.
    Of all that is tried, what reduces what is left is kept; where nothing does, the factorisation has failed,
    and the solution is NaN: zero would be an answer.
    Source: Golub and Greif, 2003 (augmented Lagrangian form of saddle-point systems).
    """
    zero = jnp.zeros_like(bottom)
    below = jnp.where(system.active, bottom, zero)
    none = jnp.zeros((), jnp.int32)
    start = _Approximation(jnp.zeros_like(top), zero, top, below, none, none, jnp.ones((), bool))
    size = start.left
    norms = squared_norms(lower, top.shape)

    def residual(now: _Approximation) -> Array:
        return jnp.sqrt(now.left / jnp.where(size > 0, size, 1.0))

    def converged(now: _Approximation) -> Array:
        terms = norms.A * euclidean_norm(now.v), jnp.sqrt(norms.W) * euclidean_norm(now.mu)
        length = jnp.stack(terms) / jnp.where(size > 0, jnp.sqrt(size), 1.0)
        return has_converged(residual(now), REACHED[top.dtype.name], length)

    def unsolved(now: _Approximation) -> Array:
        return ~converged(now) & now.gaining & (now.rounds < ROUNDS)

    corrections = _Corrections(lower, system, top, below)
    found = corrections.run(differing_as(start, start))
    found = jax.lax.while_loop(unsolved, corrections.accelerated, found.again())
    found = corrections.smallest(found)
    failed = (size > 0) & ~(residual(found) < 1)
    v, mu = (jnp.where(failed, jnp.nan, part) for part in (found.v, found.mu))
    return SystemSolution(v, mu, residual(found), found.steps, converged(found))


class _Corrections(NamedTuple):
    """The ways to correct an approximation for one right-hand side."""

    lower: LowerLevel
    system: ActiveSetSystem
    top: Float[Array, "*shape"]
    bottom: Float[Array, "*range"]

    def run(self, now: _Approximation) -> _Approximation:
        """Correct by the factor as long as that halves what is left."""

        def going(now: _Approximation) -> Array:
            return now.gaining & (now.rounds < CORRECTIONS)

        return jax.lax.while_loop(going, self.plain, now.again())

    def plain(self, now: _Approximation) -> _Approximation:
        """Correct by the factor."""
        invert, _ = operators(self.lower, self.system, layout_of(self.lower, self.top.shape))
        W = penalty_of(self.lower).W
        v = invert(now.first + self.system.penalty * W.adjoint(now.second))
        mu = self.system.penalty * (self._inside(W(v)) - now.second)
        return self._better(now, now.v + v, now.mu + mu, jnp.ones_like(now.steps))

    def accelerated(self, now: _Approximation) -> _Approximation:
        """Correct by conjugate gradients on the multiplier, then by the factor what rounding left."""
        invert, complement = operators(self.lower, self.system, layout_of(self.lower, self.top.shape))
        W = penalty_of(self.lower).W
        shifted = invert(now.first + self.system.penalty * W.adjoint(now.second))
        wanted = self.system.penalty * (self._inside(W(shifted)) - now.second)
        found = _MULTIPLIER.solve_linear(complement, wanted)
        v, mu = shifted - invert(W.adjoint(found.value)), found.value
        ahead = self._at(now.v + v, now.mu + mu, now)
        ahead = self.run(ahead._replace(steps=now.steps + found.steps))
        return self._kept(now, ahead._replace(rounds=now.rounds + 1))

    def smallest(self, now: _Approximation) -> _Approximation:
        """Take from mu what has no effect: rounding times the penalty, where rows are dependent.

        The steps forget nearly dependent rows too: what is left tells whether that was allowed.
        """
        _, complement = operators(self.lower, self.system, layout_of(self.lower, self.top.shape))
        ahead = self._at(now.v, complement(2 * now.mu - complement(now.mu)), now)
        rounding = (100 * jnp.finfo(self.top.dtype).eps) ** 2 * _squares(self.top, self.bottom)
        allowed = ahead.left <= 4 * now.left + rounding
        return jax.tree.map(lambda new, old: jnp.where(allowed, new, old), ahead, now)

    def _inside(self, rows: Float[Array, "*range"]) -> Array:
        return jnp.where(self.system.active, rows, jnp.zeros_like(rows))

    def _at(self, v: Array, mu: Array, now: _Approximation) -> _Approximation:
        W = penalty_of(self.lower).W
        first = self.top - normal_product(self.lower, v, self.system.curvature) - W.adjoint(mu)
        return now._replace(v=v, mu=mu, first=first, second=self.bottom - self._inside(W(v)))

    def _better(self, now: _Approximation, v: Array, mu: Array, steps: Array) -> _Approximation:
        ahead = self._at(v, mu, now)
        return self._kept(now, ahead._replace(steps=now.steps + steps, rounds=now.rounds + 1))

    def _kept(self, now: _Approximation, ahead: _Approximation) -> _Approximation:
        """Return what is ahead if less is left there, else what was; NaN is not less."""
        less = ahead.left < now.left
        kept = jax.tree.map(lambda new, old: jnp.where(less, new, old), ahead, now)
        return kept._replace(steps=ahead.steps, rounds=ahead.rounds, gaining=ahead.left < now.left / 4)


def _squares(first: Float[Array, "..."], second: Float[Array, "..."]) -> Array:
    return jnp.sum(jnp.square(first)) + jnp.sum(jnp.square(second))
