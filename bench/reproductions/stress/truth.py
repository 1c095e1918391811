"""The true derivatives of the hard problems, found without any differentiation rule."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64

from ....hypergrad import certified_solution
from ....problems import AnalysisL1, Dense, LowerLevel
from ....solvers import Budget, Nesterov, solve
from ...measure.untimed import untimed
from .challenge import Challenge, Family
from .edges import without_column
from .problems import named

STEP = 1e-5
KINK = 1e-3
"""One-sided derivatives that differ by more than this, relative to the larger, are a kink's."""
_NEWTON_STEPS = 30

Solutions = Callable[[Float64[Array, "points p"]], Float64[Array, "points ..."]]
"""The exact solution at each of some points."""


class Derivative(NamedTuple):
    """What methods are judged by: one-sided derivatives by each entry of theta, float64.

    Attributes:
        left: from below.
        right: from above; equal to `left` up to rounding where the loss is smooth.
        unit: what a zero derivative is measured in: the norm of the loss's gradient times that of x*.
        error: how far the differences themselves are from settled, relative.
    """

    left: Float64[np.ndarray, " p"]
    right: Float64[np.ndarray, " p"]
    unit: float
    error: float

    @property
    def kink(self) -> bool:
        """Whether there are two derivatives."""
        return _apart(self.left, self.right) > KINK

    @property
    def central(self) -> Float64[np.ndarray, " p"]:
        """The mean of both sides."""
        return (self.left + self.right) / 2


def true_derivative(challenge: Challenge) -> Derivative:
    """Solve at theta and on both sides of it, each to rounding, and extrapolate the difference quotients.

    Smooth energies by Newton's method with a pseudo-inverse from a long run of a solver; l1 problems by the
    certified solver, in coordinates without the null space where there is one, or from above alone where
    theta is a weight of zero; by formula where it is simple. Where x* can be split between two entries, its
    derivatives are those of either end: all in one entry, all in the other.
    """
    target = np.asarray(challenge.target)
    if challenge.truth == "hinge":
        found = Derivative(np.asarray([2 / 3]), np.zeros(1), 1.0, 0.0)
    elif challenge.truth == "zero":
        unit = 2 / target.size * float(np.sum(np.square(target)))
        found = Derivative(np.zeros(challenge.size), np.zeros(challenge.size), unit, 0.0)
    else:
        found = _differences(challenge.base or challenge.name)
    scale = challenge.scale
    return found._replace(left=scale * found.left, right=scale * found.right, unit=scale * found.unit)


@functools.cache
def _differences(name: str) -> Derivative:
    """Return one-sided quotients at h / 2 and h / 4, combined so that their first-order error cancels."""
    challenge = named(name)
    if challenge.truth == "split":
        one, other = (_quotients(challenge, _one_entry(challenge, column)) for column in (0, 1))
        return one._replace(left=one.central, right=other.central, error=max(one.error, other.error))
    kinds = {"smooth": _newton, "certified": _certified, "reduced": _reduced, "right": _above}
    found = _quotients(challenge, kinds[challenge.truth](challenge))
    return found._replace(left=found.right) if challenge.truth == "right" else found


def _quotients(challenge: Challenge, solutions: Solutions) -> Derivative:
    signed = [sign * STEP / part for sign in (1, -1) for part in (1, 2, 4)]
    units = np.eye(challenge.size)
    points = np.concatenate([np.zeros((1, challenge.size)), *(step * units for step in signed)])
    x = solutions(jnp.asarray(points))
    values = np.asarray(jax.vmap(challenge.loss)(x)) / challenge.scale
    changes = (values[1:] - values[0]).reshape(6, -1)
    whole, half, quarter = (changes[n::3] / np.asarray(signed)[n::3, None] for n in range(3))
    fine, coarse = 2 * quarter - half, 2 * half - whole
    slope = jax.grad(challenge.loss)(x[0]) / challenge.scale
    unit = float(np.linalg.norm(slope) * np.linalg.norm(x[0]))
    error = max(_apart(*sides) for sides in zip(fine, coarse, strict=True))
    return Derivative(left=fine[1], right=fine[0], unit=unit, error=error)


def _newton(challenge: Challenge) -> Solutions:
    lower = challenge.family(jnp.zeros(challenge.size))
    start = untimed(lambda lower: solve(Nesterov(), Budget(20_000, 1e-9, 50), lower).x)(lower)

    def solution(theta: Array) -> Array:
        moved = challenge.family(theta)

        def step(x: Array, _: None) -> tuple[Array, None]:
            hessian = jax.jacfwd(moved.gradient)(x).reshape(x.size, x.size)
            # The pseudo-inverse keeps what neither A nor the regulariser sees as the solver left it.
            inverse = jnp.linalg.pinv(hessian, rtol=1e-12, hermitian=True)
            return x - (inverse @ moved.gradient(x).ravel()).reshape(x.shape), None

        return jax.lax.scan(step, start, length=_NEWTON_STEPS)[0]

    return untimed(lambda points: jax.lax.map(solution, points))


def _certified(challenge: Challenge) -> Solutions:
    return lambda points: _certified_of(challenge.family, points)


def _above(challenge: Challenge) -> Solutions:
    """Solve for the size of theta: below zero it is no weight."""
    return lambda points: _certified_of(challenge.family, jnp.abs(points))


def _one_entry(challenge: Challenge, empty: int) -> Solutions:
    """Solve without one of two equal columns."""
    family = without_column(challenge, empty)
    return lambda points: jnp.insert(_certified_of(family, points), empty, 0.0, axis=1)


def _reduced(challenge: Challenge) -> Solutions:
    """Solve for signals of mean zero: solvers that start at zero or at A^T y stay there."""
    n = challenge.target.size
    basis = jnp.asarray(np.linalg.svd(np.ones((1, n)))[2][1:].T)

    def family(theta: Array) -> LowerLevel:
        lower = challenge.family(theta)
        regularizer = lower.regularizer
        assert isinstance(regularizer, AnalysisL1)
        assert isinstance(regularizer.W, Dense)
        assert isinstance(lower.A, Dense)
        W = Dense(regularizer.W.matrix @ basis)
        return LowerLevel(Dense(lower.A.matrix @ basis), lower.y, AnalysisL1(W, regularizer.weight))

    return lambda points: _certified_of(family, points) @ basis.T


def _certified_of(family: Family, points: Float64[Array, "points p"]) -> Float64[Array, "points n"]:
    """Return the certified solution at each point; families of one layout share a program."""
    return _certified_each(jax.vmap(family)(points))


_certified_each = untimed(lambda lowers: jax.lax.map(lambda lower: certified_solution(lower).point.x, lowers))


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    largest = max(float(np.linalg.norm(one)), float(np.linalg.norm(other)))
    return float(np.linalg.norm(one - other)) / largest if largest else 0.0
