"""Exact solutions of a batch of l1 denoising problems that share W, with their hypergradient by W."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import Precision
from jaxtyping import Array, Bool, Float, Int

from ....solvers.iterations.momentum import extrapolate
from .active_systems import project_on_active

FIRST_STEPS = 24
"""Dual steps before the first guess of the active rows is tried; before each further one they double."""
MOST_STEPS = 256 * FIRST_STEPS
CERTIFIED = 1e-10
"""By so much a certified dual variable, whose bounds are -1 and 1, may move in a projected gradient step."""


class Dictionary(NamedTuple):
    """W with what all solves share: its Gram matrix W W^T, and a step size for each row."""

    W: Float[Array, "k n"]
    gram: Float[Array, "k k"]
    step_sizes: Float[Array, " k"]


class CertifiedBatch(NamedTuple):
    """The solutions of a batch, and what the gradient of the loss by W needs.

    Attributes:
        x: the solutions.
        u: their dual variables.
        v: the adjoint variables, N (x - truth), with N the projection on the null space of the active rows.
        mu: their multipliers on the active rows.
        certified: which pairs (x, u) are proved optimal.
        independent: whose active rows are independent: of others the gradient by W depends on the choice
            among many u and mu.
        steps: dual steps that were made for all.
    """

    x: Float[Array, "batch n"]
    u: Float[Array, "batch k"]
    v: Float[Array, "batch n"]
    mu: Float[Array, "batch k"]
    certified: Bool[Array, " batch"]
    independent: Bool[Array, " batch"]
    steps: Int[Array, ""]


class _Dual(NamedTuple):
    """The accelerated dual iteration: iterates, extrapolated points and momenta."""

    u: Float[Array, "batch k"]
    z: Float[Array, "batch k"]
    t: Float[Array, " batch"]


def dictionary(W: Float[Array, "k n"]) -> Dictionary:
    """Compute what all solves with W share.

    The step sizes are one over the sums of |W W^T| along its rows: the diagonal matrix of those sums less
    W W^T is diagonally dominant, so that it bounds the dual's curvature, and rows of other norms have steps
    of their own.
    """
    gram = _product(W, W.T)
    sums = jnp.sum(jnp.abs(gram), axis=1)
    return Dictionary(W, gram, 1 / jnp.where(sums > 0, sums, jnp.ones_like(sums)))


def solve_certified(
    shared: Dictionary,
    y: Float[Array, "batch n"],
    truth: Float[Array, "batch n"],
    start: Float[Array, "batch k"],
) -> CertifiedBatch:
    """Solve  min_x 1/2 ||x - y||^2 + ||W x||_1  for a batch, until every solution is proved optimal.

    Accelerated projected gradient steps on the dual guess the active rows W0 and the others' signs s. For a
    guess the optimality system is linear: x = N (y - W+-^T s), and W0 W0^T u0 = W0 (y - W+-^T s). It is
    solved exactly, and x is optimal if |u0| <= 1 and the responses of the other rows have the signs s: a
    projected gradient step leaves the dual variable where it is. Where a guess is wrong the steps go on, as
    many as were made before. The same factor gives the adjoint: N x = x, so that N (x - truth) is
    x - N truth.

    Args:
        shared: of W; the weight is absorbed in W.
        y: measurements.
        truth: ground truths.
        start: dual variables to start from, such as those of a W nearby.
    """
    responses = _product(y, shared.W.T)
    u = jnp.clip(start, -1.0, 1.0)
    first = _Dual(u, u, jnp.ones_like(u[:, 0]))
    nothing, none = jnp.zeros_like(y), jnp.zeros_like(u)
    no = jnp.zeros(len(y), bool)
    unknown = CertifiedBatch(nothing, none, nothing, none, no, ~no, jnp.zeros((), jnp.int32))

    def unfinished(carry: tuple[_Dual, CertifiedBatch]) -> Array:
        _, found = carry
        return ~jnp.all(found.certified) & (found.steps < MOST_STEPS)

    def advance(carry: tuple[_Dual, CertifiedBatch]) -> tuple[_Dual, CertifiedBatch]:
        dual, before = carry
        more = jnp.maximum(before.steps, FIRST_STEPS)
        dual = jax.lax.fori_loop(0, more, lambda _, now: _step(shared, responses, now), dual)
        found = _completed(shared, y, truth, dual.u)
        return dual, found._replace(steps=before.steps + more)

    return jax.lax.while_loop(unfinished, advance, (first, unknown))[1]


def gradient_by_W(found: CertifiedBatch) -> Float[Array, "k n"]:
    """Return the gradient of the mean squared error, over the entries of all signals, by W.

    With v and mu of the loss's gradient by x that is  -(u v^T + mu x^T), summed over the signals. Caveat: it
    is one of many where `independent` is false, and no gradient where `certified` is.
    Source: McCann and Ravishankar, 2020 and 2021 (BLORC), theorem on the gradient, as an adjoint.
    """
    scale = 2 / found.x.size
    return -scale * (_product(found.u.T, found.v) + _product(found.mu.T, found.x))


def _step(shared: Dictionary, responses: Float[Array, "batch k"], now: _Dual) -> _Dual:
    slope = _product(now.z, shared.gram) - responses
    u = jnp.clip(now.z - shared.step_sizes[None] * slope, -1.0, 1.0)
    z, t = jax.vmap(extrapolate)(now.u, u, now.z, now.t)
    return _Dual(u, z, t)


def _completed(
    shared: Dictionary, y: Float[Array, "batch n"], truth: Float[Array, "batch n"], u: Float[Array, "batch k"]
) -> CertifiedBatch:
    """Solve the optimality system on the active rows that u shows, and check what it gives."""
    moved = u + shared.step_sizes[None] * (_product(y, shared.W.T) - _product(u, shared.gram))
    active = jnp.abs(moved) < 1
    signs = jnp.where(active, jnp.zeros_like(u), jnp.sign(moved))
    right = jnp.stack([y - _product(signs, shared.W), truth], axis=1)
    solved = project_on_active(shared.W, shared.gram, active, right)
    x, full = solved.v[:, 0], signs + solved.mu[:, 0]
    # Active rows with a response, others of the wrong sign, and dual variables beyond their bounds.
    ahead = jnp.clip(full + shared.step_sizes[None] * _product(x, shared.W.T), -1.0, 1.0)
    return CertifiedBatch(
        x=x,
        u=full,
        v=x - solved.v[:, 1],
        mu=-solved.mu[:, 1],
        certified=jnp.max(jnp.abs(full - ahead), axis=1) <= CERTIFIED,
        independent=solved.independent,
        steps=jnp.zeros((), jnp.int32),
    )


def _product(left: Float[Array, "rows inner"], right: Float[Array, "inner columns"]) -> Array:
    return jnp.matmul(left, right, precision=Precision.HIGHEST)


def solve_inexactly(
    shared: Dictionary, y: Float[Array, "batch n"], steps: int
) -> tuple[Float[Array, "batch n"], Float[Array, " batch"]]:
    """Take so many dual steps from zero; return x = y - W^T u, and the duality gap over ||y||^2.

    For many patches at once, of which nothing is differentiated: the slowest would keep all others waiting.
    """
    responses = _product(y, shared.W.T)
    none = jnp.zeros_like(responses)
    start = _Dual(none, none, jnp.ones_like(none[:, 0]))
    u = jax.lax.fori_loop(0, steps, lambda _, now: _step(shared, responses, now), start).u
    x = y - _product(u, shared.W)
    responses = _product(x, shared.W.T)
    gap = jnp.sum(jnp.abs(responses) - u * responses, axis=1)
    return x, gap / jnp.maximum(jnp.sum(jnp.square(y), axis=1), jnp.finfo(y.dtype).tiny)
