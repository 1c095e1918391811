"""Problems at the edges of what is well posed: a weight of zero, other units, equal columns, no data."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems import AnalysisL1, Dense, FieldsOfExperts, Identity, LowerLevel, Mask
from ....solvers import Budget
from .challenge import Challenge, Family, along

# Columns 0 and 1 are equal: what they share can be split between both entries in any way.
_COLUMNS = np.asarray(
    [[1.0, 1.0, 0.2, -0.4], [0.5, 0.5, -0.8, 0.3], [-0.3, -0.3, 0.5, 0.9], [0.2, 0.2, 0.4, 0.1]]
)
_MEASURED = np.asarray([1.5, 0.4, -0.3, 0.5])


def zero_weight() -> Challenge:
    """Signals in a basis without structure; theta moves a weight that is exactly zero."""
    matrix = jnp.asarray(np.random.default_rng(6).normal(size=(5, 6)))
    y = jnp.asarray(np.cumsum(np.random.default_rng(7).normal(size=6)))

    def family(theta: Array) -> LowerLevel:
        weight = jnp.concatenate([theta, jnp.full(4, 0.3)])
        return LowerLevel(Identity(), y, AnalysisL1(Dense(matrix), weight))

    target = y + 0.1 * jnp.asarray(np.random.default_rng(8).normal(size=6))
    why = "theta is a weight of exactly zero: its derivative from above"
    return Challenge("l1, weight of zero", why, family, 1, target, "right")


def in_other_units(plain: Challenge, name: str, factor: float) -> Challenge:
    """Measure a denoising problem in another unit: A = factor I, factor y, factor^2 weight, the same x*."""

    def family(theta: Array) -> LowerLevel:
        lower = plain.family(theta)
        regularizer = lower.regularizer
        assert isinstance(regularizer, AnalysisL1)
        A = Dense(factor * jnp.eye(lower.y.size))
        return LowerLevel(A, factor * lower.y, AnalysisL1(regularizer.W, factor**2 * regularizer.weight))

    why = f"the control with A = {factor:g} I, a tolerance of 1e-5"
    return plain._replace(name=name, why=why, family=family, budget=Budget(20_000, 1e-5, 1), base=plain.name)


def through_columns(x: Float[Array, " n"]) -> Float[Array, " k"]:
    """Return A x of the problem with equal columns."""
    return jnp.asarray(_COLUMNS, x.dtype) @ x


def equal_columns() -> Challenge:
    """Make a lasso of which two columns are equal; theta moves the weight."""

    def family(theta: Array) -> LowerLevel:
        weight = 0.1 + theta[0]
        return LowerLevel(
            Dense(jnp.asarray(_COLUMNS)), jnp.asarray(_MEASURED), AnalysisL1(Dense(jnp.eye(4)), weight)
        )

    why = "two columns of A are equal, and the loss sees how x* is split between their entries"
    target = jnp.asarray([1.5, -1.0, 0.2, 0.3])
    return Challenge("l1, equal columns", why, family, 1, target, "split")


def equal_columns_unseen() -> Challenge:
    """Let the loss see A x alone, of which there is one."""
    why = "two columns of A are equal, and the loss sees A x alone"
    return equal_columns()._replace(
        name="l1, equal columns unseen", why=why, target=jnp.asarray(_MEASURED) + 0.3, see=through_columns
    )


def nothing_measured(name: str, lower: LowerLevel) -> Challenge:
    """Mask everything: x* = 0 for every regulariser, and the derivative is zero."""
    target = jnp.asarray(np.random.default_rng(5).normal(size=lower.y.shape))
    why = "nothing is measured: a mask of zeros"
    return Challenge(name, why, along(lower, 3), 3, target, "zero")


def unmeasured_l1() -> LowerLevel:
    """Responses in a random orthonormal basis, of a signal that is not measured."""
    basis = np.linalg.qr(np.random.default_rng(10).normal(size=(6, 6)))[0]
    return LowerLevel(
        Mask(jnp.zeros(6)), jnp.zeros(6), AnalysisL1(Dense(jnp.asarray(basis)), jnp.asarray(0.1))
    )


def unmeasured_experts() -> LowerLevel:
    """Fields of experts of an image that is not measured."""
    filters = FieldsOfExperts.initial((6, 6), 0).filters[:3]
    return LowerLevel(Mask(jnp.zeros((6, 6))), jnp.zeros((6, 6)), FieldsOfExperts(filters, jnp.full(3, 0.2)))


def without_column(challenge: Challenge, column: int) -> Family:
    """Return the family in which a column is left out, and with it that entry of x."""
    kept = jnp.asarray([one for one in range(challenge.target.size) if one != column])

    def family(theta: Array) -> LowerLevel:
        lower = challenge.family(theta)
        regularizer = lower.regularizer
        assert isinstance(regularizer, AnalysisL1)
        assert isinstance(regularizer.W, Dense)
        assert isinstance(lower.A, Dense)
        W = Dense(regularizer.W.matrix[kept][:, kept])
        return LowerLevel(Dense(lower.A.matrix[:, kept]), lower.y, AnalysisL1(W, regularizer.weight))

    return family
