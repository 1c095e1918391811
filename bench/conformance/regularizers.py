"""Conformance of regularisers."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...problems.regularizer import AnalysisRegularizer, Regularizer, SmoothRegularizer
from .finding import Finding, bounded, distance, layout
from .operators import check_pytree, normal

EXACT = 1e-11
POINT_SCALES = (0.0, 0.05, 1.0)
"""Curvature is looked at in the origin, near a kink, and far out."""


def check_start(subject: str, cls: type[Regularizer], shape: tuple[int, ...]) -> Iterator[Finding]:
    """Check what a regulariser starts with: float64, finite, and the same for the same seed."""
    start = cls.initial(shape, 0)
    dtypes = {leaf.dtype.name for leaf in jax.tree.leaves(start)}
    yield Finding(
        subject, "starts in float64", dtypes == {"float64"}, f"leaves are {', '.join(sorted(dtypes))}"
    )
    yield bounded(subject, "same seed, same start", distance(cls.initial(shape, 0), start), 0.0)


def check_regularizer(subject: str, regularizer: Regularizer, shape: tuple[int, ...]) -> Iterator[Finding]:
    """Check a regulariser on signals of one shape, which should be small."""
    x = normal(shape, 0)
    value = regularizer.value(x)
    yield Finding(
        subject,
        "finite value",
        value.shape == () and bool(jnp.isfinite(value)),
        f"its value at a random point is {value}",
    )
    jitted = jax.jit(_value)(regularizer, x)
    yield bounded(subject, "jit changes nothing", distance(jitted, value), EXACT)
    yield from _check_precision(subject, regularizer, shape)
    yield from check_pytree(subject, regularizer)
    if isinstance(regularizer, SmoothRegularizer):
        yield from _check_smooth(subject, regularizer, x)
    if isinstance(regularizer, AnalysisRegularizer):
        yield from _check_analysis(subject, regularizer, x)


def _check_precision(subject: str, regularizer: Regularizer, shape: tuple[int, ...]) -> Iterator[Finding]:
    single = jax.tree.map(lambda leaf: leaf.astype("float32"), regularizer)
    x = normal(shape, 0, "float32")
    outputs = [jax.eval_shape(_value, single, x)]
    if isinstance(regularizer, SmoothRegularizer):
        outputs.append(jax.eval_shape(_gradient, single, x))
    if isinstance(regularizer, AnalysisRegularizer):
        outputs.append(jax.eval_shape(_weights, single, x))
    dtypes = {output.dtype.name for output in outputs}
    yield Finding(
        subject, "keeps float32", dtypes == {"float32"}, f"float32 gives {', '.join(sorted(dtypes))}"
    )


def _check_smooth(subject: str, regularizer: SmoothRegularizer, x: Array) -> Iterator[Finding]:
    gradient = regularizer.gradient(x)
    yield Finding(
        subject,
        "gradient's layout",
        layout(gradient) == layout(x),
        f"x is {x.dtype}{x.shape}, the gradient {gradient.dtype}{gradient.shape}",
    )
    automatic = jax.grad(regularizer.value)(x)
    yield bounded(subject, "gradient of the value", distance(gradient, automatic), EXACT)
    bound = float(regularizer.lipschitz(x.shape))
    hessian = jax.jit(_hessian)
    norms = [np.linalg.norm(np.asarray(hessian(regularizer, scale * x)), 2) for scale in POINT_SCALES]
    yield Finding(
        subject,
        "Lipschitz constant is bounded",
        bool(max(norms) <= bound * (1 + 1e-10)),
        f"the bound is {bound:.4g}; the largest Hessian met has norm {max(norms):.4g}",
    )


def _check_analysis(subject: str, regularizer: AnalysisRegularizer, x: Array) -> Iterator[Finding]:
    responses = regularizer.W(x)
    weight = regularizer.weight_like(responses)
    yield Finding(
        subject,
        "a weight a response",
        layout(weight) == layout(responses) and bool(jnp.all(weight >= 0)),
        f"responses have shape {responses.shape}, weights {weight.shape} from {float(jnp.min(weight)):g}",
    )
    expected = jnp.sum(weight * jnp.abs(responses))
    yield bounded(subject, "value is the weighted l1 norm", distance(regularizer.value(x), expected), EXACT)


def _value(regularizer: Regularizer, x: Array) -> Array:
    return regularizer.value(x)


def _gradient(regularizer: SmoothRegularizer, x: Array) -> Array:
    return regularizer.gradient(x)


def _weights(regularizer: AnalysisRegularizer, x: Array) -> Array:
    return regularizer.weight_like(regularizer.W(x))


def _hessian(regularizer: Any, x: Array) -> Array:
    return jax.jacfwd(regularizer.gradient)(x).reshape(x.size, x.size)
