"""Conformance of regularisers."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...problems.arrays.normal import normal
from ...problems.regularizer import (
    AnalysisRegularizer,
    EnergyRegularizer,
    OperatorRegularizer,
    ProximalRegularizer,
    Regularizer,
    SmoothRegularizer,
)
from .finding import Finding, bounded, distance, layout
from .operators import check_pytree

Image = Callable[[Any, Float[Array, "*shape"]], Float[Array, "..."]]
"""What a regulariser makes of a signal."""

EXACT = 1e-11
STEP, NEIGHBOURS = 0.5, 30
"""A prox is looked at with this step size, among so many random points."""
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
    """Check all that a regulariser offers on signals of one shape, which should be small."""
    x = normal(shape, 0)
    offered = _offered(regularizer)
    yield Finding(
        subject,
        "reaches the signal",
        bool(offered),
        f"of value, gradient, operator, prox and weight_like it offers {', '.join(offered) or 'none'}",
    )
    jitted = {name: jax.jit(function)(regularizer, x) for name, function in offered.items()}
    for name, function in offered.items():
        image = function(regularizer, x)
        finite = bool(jnp.all(jnp.isfinite(image)))
        yield Finding(subject, f"finite {name}", finite, f"at a random point its size is {_size(image):.3g}")
        yield bounded(subject, f"jit changes nothing, {name}", distance(jitted[name], image), EXACT)
    yield from _check_layouts(subject, offered, regularizer, x)
    yield from _check_precision(subject, offered, regularizer, shape)
    yield from check_pytree(subject, regularizer)
    if isinstance(regularizer, SmoothRegularizer):
        automatic = jax.grad(regularizer.value)(x)
        yield bounded(subject, "gradient of the value", distance(regularizer.gradient(x), automatic), EXACT)
    for name in ("gradient", "operator"):
        if name in offered:
            yield _check_lipschitz(subject, offered[name], regularizer, x)
    if isinstance(regularizer, AnalysisRegularizer):
        yield from _check_analysis(subject, regularizer, x)
    if isinstance(regularizer, ProximalRegularizer) and isinstance(regularizer, EnergyRegularizer):
        yield _check_prox(subject, regularizer, x)


def _offered(regularizer: Regularizer) -> dict[str, Image]:
    """Return what a regulariser makes of a signal, by name."""
    every: tuple[tuple[type, str, Image], ...] = (
        (EnergyRegularizer, "value", _value),
        (SmoothRegularizer, "gradient", _gradient),
        (OperatorRegularizer, "operator", _operator),
        (ProximalRegularizer, "prox", _prox),
        (AnalysisRegularizer, "weight_like", _weights),
    )
    return {name: function for protocol, name, function in every if isinstance(regularizer, protocol)}


def _check_layouts(
    subject: str, offered: dict[str, Image], regularizer: Regularizer, x: Array
) -> Iterator[Finding]:
    for name, function in offered.items():
        if name == "weight_like":
            continue
        image = jax.eval_shape(function, regularizer, x)
        expected = () if name == "value" else x.shape
        yield Finding(
            subject,
            f"{name}'s layout",
            image.shape == expected and image.dtype == x.dtype,
            f"x is {x.dtype}{x.shape}, its {name} {image.dtype}{image.shape}",
        )


def _check_precision(
    subject: str, offered: dict[str, Image], regularizer: Regularizer, shape: tuple[int, ...]
) -> Iterator[Finding]:
    single = jax.tree.map(lambda leaf: leaf.astype("float32"), regularizer)
    x = normal(shape, 0, "float32")
    dtypes = {jax.eval_shape(function, single, x).dtype.name for function in offered.values()}
    yield Finding(
        subject, "keeps float32", dtypes <= {"float32"}, f"float32 gives {', '.join(sorted(dtypes))}"
    )


def _check_lipschitz(subject: str, function: Image, regularizer: Any, x: Array) -> Finding:
    bound = float(regularizer.lipschitz(x.shape))
    jacobian = jax.jit(lambda regularizer, x: jax.jacfwd(lambda x: function(regularizer, x))(x))
    matrices = (np.asarray(jacobian(regularizer, scale * x)) for scale in POINT_SCALES)
    largest = max(np.linalg.norm(matrix.reshape(x.size, x.size), 2) for matrix in matrices)
    return Finding(
        subject,
        "Lipschitz constant is bounded",
        bool(largest <= bound * (1 + 1e-10)),
        f"the bound is {bound:.4g}; the largest Jacobian met has norm {largest:.4g}",
    )


def _check_analysis(subject: str, regularizer: AnalysisRegularizer, x: Array) -> Iterator[Finding]:
    responses = regularizer.W(x)
    weight = regularizer.weight_like(responses)
    yield Finding(
        subject,
        "a weight per response",
        layout(weight) == layout(responses) and bool(jnp.all(weight >= 0)),
        f"responses have shape {responses.shape}, weights {weight.shape} from {float(jnp.min(weight)):g}",
    )
    expected = jnp.sum(weight * jnp.abs(responses))
    yield bounded(subject, "value is the weighted l1 norm", distance(regularizer.value(x), expected), EXACT)


def _check_prox(subject: str, regularizer: Any, x: Array) -> Finding:
    """Compare the prox with points around it: none makes t R(z) + 1/2 ||z - x||^2 smaller."""
    found = _prox(regularizer, x)
    if found.shape != x.shape:
        return Finding(subject, "prox minimises", False, f"it has shape {found.shape}, x has {x.shape}")
    moves = jnp.stack([normal(x.shape, seed) for seed in range(1, NEIGHBOURS + 1)])
    # Also towards and away from x: what is shrunk too little or too much lies there.
    moves = jnp.concatenate([moves, jnp.stack([x - found, found - x])])

    def objective(regularizer: Any, z: Float[Array, "..."]) -> Float[Array, ""]:
        return STEP * regularizer.value(z) + 0.5 * jnp.sum(jnp.square(z - x))

    around = (found[None] + size * moves for size in (1.0, 1e-2, 1e-4))
    evaluate = jax.jit(jax.vmap(objective, (None, 0)))
    lowest = min(float(jnp.min(evaluate(regularizer, points))) for points in around)
    here = float(objective(regularizer, found))
    return Finding(
        subject,
        "prox minimises",
        here <= lowest + EXACT * abs(here),
        f"the objective is {here:.12g} there, and {lowest:.12g} at the lowest point around it",
    )


def _value(regularizer: Any, x: Array) -> Array:
    return regularizer.value(x)


def _gradient(regularizer: Any, x: Array) -> Array:
    return regularizer.gradient(x)


def _operator(regularizer: Any, x: Array) -> Array:
    return regularizer.operator(x)


def _prox(regularizer: Any, x: Array) -> Array:
    return regularizer.prox(x, jnp.asarray(STEP, x.dtype))


def _weights(regularizer: Any, x: Array) -> Array:
    return regularizer.weight_like(regularizer.W(x))


def _size(image: Array) -> float:
    return float(jnp.sqrt(jnp.sum(jnp.square(image))))
