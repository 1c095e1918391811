"""Conformance of linear operators."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...problems.arrays.normal import normal
from ...problems.linear_operator import LinearOperator, ResolvableOperator
from .finding import Finding, bounded, distance, layout

ROUNDING = 100
"""Tolerances are so many times the dtype's precision: sums of a few hundred terms and FFTs."""
LOOSEST_NORM = 9.0
"""A bound of the squared norm beyond so many times the truth makes solvers three times slower or worse."""


def check_operator(subject: str, operator: LinearOperator, shape: tuple[int, ...]) -> Iterator[Finding]:
    """Check an operator on signals of one shape, which should be small.

    Its adjoint, its linearity and its norm bound against a dense matrix, and that JAX can differentiate,
    compile and batch it.
    """
    for dtype in ("float64", "float32"):
        cast = jax.tree.map(lambda leaf, dtype=dtype: leaf.astype(dtype), operator)
        yield from _check_precision(subject, cast, normal(shape, 0, dtype))
    x, z = normal(shape, 0), normal(shape, 1)
    combined = operator(2 * x - 3 * z)
    tolerance = _tolerance(x)
    yield bounded(subject, "linear", distance(combined, 2 * operator(x) - 3 * operator(z)), tolerance)
    r = normal(combined.shape, 2)
    yield bounded(
        subject,
        "adjoint is the transpose",
        distance(operator.adjoint(r), jax.vjp(operator, x)[1](r)[0]),
        tolerance,
    )
    yield from _check_norm(subject, operator, shape)
    if isinstance(operator, ResolvableOperator):
        tau = jnp.asarray(0.7, x.dtype)
        solved = operator.resolvent(x, tau)
        back = solved + tau * operator.adjoint(operator(solved))
        yield bounded(subject, "resolvent inverts", distance(back, x), tolerance)
    yield from _check_transformations(subject, operator, (x, z))


def _check_precision(subject: str, operator: LinearOperator, x: Array) -> Iterator[Finding]:
    dtype = np.dtype(x.dtype).name
    response = operator(x)
    r = normal(response.shape, 2, dtype)
    back = operator.adjoint(r)
    yield Finding(
        subject,
        f"keeps {dtype}",
        response.dtype == back.dtype == x.dtype,
        f"A x is {response.dtype}, A^T r is {back.dtype}",
    )
    yield Finding(
        subject,
        f"adjoint's shape, {dtype}",
        back.shape == x.shape,
        f"x has shape {x.shape}, A^T r {back.shape}",
    )
    if back.shape == x.shape:
        scale = _norm(response) * _norm(r) + _norm(x) * _norm(back)
        gap = abs(_inner(response, r) - _inner(x, back)) / (scale or 1.0)
        yield bounded(subject, f"dot test, {dtype}", gap, _tolerance(x))


def _check_norm(subject: str, operator: LinearOperator, shape: tuple[int, ...]) -> Iterator[Finding]:
    size = int(np.prod(shape))
    columns = jax.vmap(operator)(jnp.eye(size).reshape(size, *shape)).reshape(size, -1)
    truth = float(np.linalg.norm(np.asarray(columns), 2)) ** 2
    bound = float(operator.squared_norm(shape))
    sentence = f"the bound is {bound:.6g}, the squared norm {truth:.6g}"
    yield Finding(subject, "squared norm is bounded", truth <= bound * (1 + 1e-10), sentence)
    yield Finding(
        subject,
        "bound is useful",
        bound <= LOOSEST_NORM * truth or truth == 0,
        f"{sentence}; at most {LOOSEST_NORM:g} times is allowed",
    )


def _check_transformations(
    subject: str, operator: LinearOperator, signals: tuple[Array, Array]
) -> Iterator[Finding]:
    x, z = signals
    tolerance = _tolerance(x)
    plain, other = _both(operator, x), _both(operator, z)
    yield bounded(subject, "jit changes nothing", distance(jax.jit(_both)(operator, x), plain), tolerance)
    batch = jax.vmap(_both, in_axes=(None, 0))(operator, jnp.stack(signals))
    loop = jax.tree.map(lambda one, two: jnp.stack([one, two]), plain, other)
    yield bounded(subject, "vmap equals a loop", distance(batch, loop), tolerance)
    yield from check_pytree(subject, operator)
    again = jax.tree.map(lambda leaf: leaf, operator)
    yield bounded(subject, "rebuilt tree computes the same", distance(_both(again, x), plain), 0.0)


def check_pytree(subject: str, tree: Any) -> Iterator[Finding]:
    """Check that a tree survives flattening, and that its leaves can be differentiated."""
    leaves, structure = jax.tree.flatten(tree)
    again = jax.tree.unflatten(structure, leaves)
    same = type(again) is type(tree) and layout(again) == layout(tree)
    yield Finding(
        subject, "pytree round trip", same, f"{tree!r} comes back as {again!r}{'' if same else ', changed'}"
    )
    strange = [str(jnp.result_type(leaf)) for leaf in leaves if not jnp.issubdtype(leaf.dtype, jnp.floating)]
    yield Finding(
        subject,
        "floating leaves",
        not strange,
        f"leaves that are not floating: {', '.join(strange) or 'none'}",
    )
    try:
        hash(structure)
        yield Finding(subject, "static fields are hashable", True, "the tree's structure has a hash")
    except TypeError as error:
        yield Finding(subject, "static fields are hashable", False, str(error))


def _both(operator: LinearOperator, x: Array) -> tuple[Array, Array]:
    response = operator(x)
    return response, operator.adjoint(response)


def _tolerance(x: Array) -> float:
    return ROUNDING * float(jnp.finfo(x.dtype).eps)


def _inner(one: Array, other: Array) -> float:
    return float(np.vdot(np.asarray(one, np.float64), np.asarray(other, np.float64)))


def _norm(x: Array) -> float:
    return float(np.linalg.norm(np.asarray(x, np.float64)))
