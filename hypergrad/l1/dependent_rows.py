"""How many active rows of an l1 solution follow from the others."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ...problems.lower_level import LowerLevel
from ...solvers.analysis_l1_problem import penalty_of
from ...solvers.certificate import active_rows


def dependent_rows(lower: LowerLevel, x: Float[Array, "..."], u: Float[Array, "..."]) -> Int[Array, ""]:
    """Return the number of active rows less their numerical rank.

    Where it is not zero the dual variable is not unique, and rows that the smallest change of W makes
    independent can make x* non-differentiable, whatever rule differentiates it and however exactly; rows that
    every change leaves dependent do not. Forms W as a matrix and its singular values: for small problems,
    in diagnosis. A rank that changes within rounding is not seen. Source: Tibshirani and Taylor, 2011.

    Args:
        lower: l1 problem, any A.
        x: the signal.
        u: the dual variable, shape of W x.
    """
    active = active_rows(lower, x, u).ravel()
    columns = jax.vmap(penalty_of(lower).W)(jnp.eye(x.size, dtype=x.dtype).reshape(-1, *x.shape))
    rows = jnp.where(active[:, None], columns.reshape(x.size, -1).T, jnp.zeros((), x.dtype))
    return jnp.sum(active) - jnp.linalg.matrix_rank(rows)
