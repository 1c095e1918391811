"""Smooth potentials of a fields-of-experts energy, scalar functions applied entry by entry.

Their scale is a number and then structure, or an array and then a leaf that can be learned: one number, or
one per filter. t then has the responses of each filter along its first axis.
"""

import math
from typing import ClassVar, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from ...values.configuration import configuration, is_array

Scale = float | Float[Array, "..."]


@runtime_checkable
class Potential(Protocol):
    """An even, smooth scalar function with its derivative and a bound on the size of its second one."""

    convex: ClassVar[bool]
    curvature: ClassVar[float]

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry."""
        ...

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate its first derivative entry by entry."""
        ...


@runtime_checkable
class BoundedPotential(Potential, Protocol):
    """A potential with a bound of its third derivative."""

    def steepest(self, t: Float[Array, "*shape"], reach: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the largest size of the third derivative on [t - reach, t + reach], entry by entry."""
        ...


@configuration
class PseudoHuber:
    """Grow quadratically near zero and linearly far out: scale^2 (sqrt(1 + (t/scale)^2) - 1); convex."""

    scale: Scale = 0.1
    convex: ClassVar[bool] = True
    curvature: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry."""
        # The quotient form of sqrt(1 + q) - 1 keeps its digits where q is small.
        scale = _spread(self.scale, t)
        square = jnp.square(t / scale)
        return scale**2 * square / (jnp.sqrt(1 + square) + 1)

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate t / sqrt(1 + (t/scale)^2)."""
        return t / jnp.sqrt(1 + jnp.square(t / _spread(self.scale, t)))

    def steepest(self, t: Float[Array, "*shape"], reach: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Bound 3 q / (1 + q^2)^(5/2) / scale, q = |t| / scale: largest at q = 1/2, 0.859 / scale."""
        scale = _spread(self.scale, t)
        q = _nearest(jnp.abs(t), reach, 0.5 * scale) / scale
        return 3 * q / (1 + jnp.square(q)) ** 2.5 / scale


@configuration
class LogCosh:
    """Grow like scale^2 log cosh(t / scale); convex."""

    scale: Scale = 0.1
    convex: ClassVar[bool] = True
    curvature: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry, without overflow for large t."""
        scale = _spread(self.scale, t)
        magnitude = jnp.abs(t / scale)
        return scale**2 * (magnitude + jnp.log1p(jnp.exp(-2 * magnitude)) - jnp.log(2.0).astype(t.dtype))

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate scale tanh(t / scale)."""
        scale = _spread(self.scale, t)
        return scale * jnp.tanh(t / scale)

    def steepest(self, t: Float[Array, "*shape"], reach: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Bound 2 h (1 - h^2) / scale, h = tanh(|t| / scale): largest at h = 3^(-1/2), 0.770 / scale."""
        scale = _spread(self.scale, t)
        h = jnp.tanh(_nearest(jnp.abs(t), reach, math.atanh(3**-0.5) * scale) / scale)
        return 2 * h * (1 - jnp.square(h)) / scale


@configuration
class Lorentzian:
    """Grow like scale^2 log(1 + (t/scale)^2): nonconvex, so a lower level can have several minimisers.

    Source: Roth and Black, 2009 (Student-t experts).
    """

    scale: Scale = 0.1
    convex: ClassVar[bool] = False
    curvature: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry."""
        scale = _spread(self.scale, t)
        return scale**2 * jnp.log1p(jnp.square(t / scale))

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate 2 t / (1 + (t/scale)^2)."""
        return 2 * t / (1 + jnp.square(t / _spread(self.scale, t)))


def _nearest(magnitude: Float[Array, "..."], reach: Float[Array, "..."], peak: Scale) -> Float[Array, "..."]:
    """Return the magnitude within reach that lies nearest to the peak."""
    return jnp.clip(jnp.asarray(peak, magnitude.dtype), jnp.maximum(magnitude - reach, 0), magnitude + reach)


def _spread(scale: Scale, t: Float[Array, "..."]) -> Scale:
    """Reshape a scale with one entry per filter so that it broadcasts with the responses, (k, ...)."""
    return jnp.reshape(scale, (-1, *(1,) * (t.ndim - 1))) if np.ndim(scale) else scale


def _require_scale(scale: Scale) -> None:
    if np.ndim(scale) > 1:
        raise ValueError(
            "a potential's scale must be one number or one per filter, shape () or (k,); "
            f"got {np.shape(scale)}"
        )
    # Where it is a leaf, a lower level says as a status what is not known now.
    if not isinstance(scale, Tracer) and not np.all(np.asarray(scale) > 0):
        raise ValueError(f"a potential's scale must be positive; got {scale}")


def require_one_or_each(potential: Potential, count: int) -> None:
    """Raise `ValueError` unless every array of a potential is one number or one per filter."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(potential):
        if is_array(leaf) and leaf.shape not in ((), (count,)):
            raise ValueError(
                f"the potential's {jax.tree_util.keystr(path, simple=True)} must be one number or one per "
                f"filter, shape () or ({count},); got shape {tuple(leaf.shape)}"
            )
