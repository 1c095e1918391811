"""Smooth potentials of a fields-of-experts energy, scalar functions applied entry by entry."""

import math
from typing import ClassVar, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array, Float

from .configuration import configuration


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

    scale: float = 0.1
    convex: ClassVar[bool] = True
    curvature: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry."""
        # The quotient form of sqrt(1 + q) - 1 keeps its digits where q is small.
        square = jnp.square(t / self.scale)
        return self.scale**2 * square / (jnp.sqrt(1 + square) + 1)

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate t / sqrt(1 + (t/scale)^2)."""
        return t / jnp.sqrt(1 + jnp.square(t / self.scale))

    def steepest(self, t: Float[Array, "*shape"], reach: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Bound 3 q / (1 + q^2)^(5/2) / scale, q = |t| / scale: largest at q = 1/2, 0.859 / scale."""
        q = _nearest(jnp.abs(t), reach, 0.5 * self.scale) / self.scale
        return 3 * q / (1 + jnp.square(q)) ** 2.5 / self.scale


@configuration
class LogCosh:
    """Grow like scale^2 log cosh(t / scale); convex."""

    scale: float = 0.1
    convex: ClassVar[bool] = True
    curvature: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry, without overflow for large t."""
        magnitude = jnp.abs(t / self.scale)
        return self.scale**2 * (magnitude + jnp.log1p(jnp.exp(-2 * magnitude)) - jnp.log(2.0).astype(t.dtype))

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate scale tanh(t / scale)."""
        return self.scale * jnp.tanh(t / self.scale)

    def steepest(self, t: Float[Array, "*shape"], reach: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Bound 2 h (1 - h^2) / scale, h = tanh(|t| / scale): largest at h = 3^(-1/2), 0.770 / scale."""
        h = jnp.tanh(_nearest(jnp.abs(t), reach, math.atanh(3**-0.5) * self.scale) / self.scale)
        return 2 * h * (1 - jnp.square(h)) / self.scale


@configuration
class Lorentzian:
    """Grow like scale^2 log(1 + (t/scale)^2): nonconvex, so a lower level can have several minimisers.

    Source: Roth and Black, 2009 (Student-t experts).
    """

    scale: float = 0.1
    convex: ClassVar[bool] = False
    curvature: ClassVar[float] = 2.0

    def __post_init__(self) -> None:
        _require_scale(self.scale)

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry."""
        return self.scale**2 * jnp.log1p(jnp.square(t / self.scale))

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate 2 t / (1 + (t/scale)^2)."""
        return 2 * t / (1 + jnp.square(t / self.scale))


def _nearest(magnitude: Array, reach: Array, peak: float) -> Array:
    """Return the magnitude within reach that lies nearest to the peak."""
    return jnp.clip(jnp.asarray(peak, magnitude.dtype), jnp.maximum(magnitude - reach, 0), magnitude + reach)


def _require_scale(scale: float) -> None:
    if not scale > 0:
        raise ValueError(f"a potential's scale must be positive; got {scale}")
