"""A smooth energy of filter responses."""

import dataclasses
from typing import Self, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...arrays.channels import require_grey
from ...operators.filter_bank import Boundary, FilterBank
from ...values.configuration import holds_arrays
from ...values.pytree import pytree, setting, static
from ...values.validation import all_nonnegative, all_positive, require_floating, require_nonnegative
from ..initial_filters import initial_filters
from .expert_sensitivity import ExpertSensitivity
from .potentials import BoundedPotential, Potential, PseudoHuber, require_one_or_each


@pytree
class FieldsOfExperts:
    """Penalise filter responses by a smooth potential: R(x) = sum_k weights_k sum_ij potential((W_k x)_ij).

    Convex exactly when the potential is. Source: Roth and Black, 2009.

    Args:
        filters: shape (k, s, s).
        weights: one per filter, shape (k,); not negative.
        potential: an even smooth function such as `PseudoHuber()`; static, but for a scale that is an array,
            shape () or (k,): `PseudoHuber(jnp.asarray(0.1))` has a leaf, `potential.scale`, and learns it.
        boundary: see `FilterBank`; static.

    Raises:
        TypeError: if `filters` or `weights` are not floating-point arrays, or `potential` is not a potential.
        ValueError: if a weight is negative, if there is not one per filter, or if an array of the potential
            is neither one number nor one per filter.
    """

    filters: Float[Array, "k s s"]
    weights: Float[Array, " k"]
    potential: Potential = setting(default=PseudoHuber())
    boundary: Boundary = static(default="circular")

    def __post_init__(self) -> None:
        require_floating("weights", self.weights)
        if not isinstance(self.potential, Potential):
            raise TypeError(
                f"potential must offer value and derivative, as PseudoHuber() does; got {self.potential!r}"
            )
        count = self.W.filters.shape[0]
        if self.weights.shape != (count,):
            raise ValueError(
                f"weights must be one per filter, shape ({count},); got {tuple(self.weights.shape)}"
            )
        require_nonnegative("weights", self.weights)
        require_one_or_each(self.potential, count)

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start from two differences and six random filters on images (h, w), weights 0.2 each."""
        filters = jnp.asarray(initial_filters(shape, seed))
        return cls(filters, jnp.full(filters.shape[:1], 0.2, jnp.float64))

    @property
    def convex(self) -> bool:
        """Say whether the potential is convex."""
        return self.potential.convex

    @property
    def W(self) -> FilterBank:
        """The filters as an operator from images to responses."""
        return FilterBank(self.filters, self.boundary)

    def value(self, x: Float[Array, "h w"]) -> Float[Array, ""]:
        """Evaluate the energy."""
        return jnp.sum(self.weights[:, None, None] * self.potential.value(self._responses(x)))

    def gradient(self, x: Float[Array, "h w"]) -> Float[Array, "h w"]:
        """Evaluate sum_k weights_k W_k^T potential'(W_k x)."""
        return self.W.adjoint(self.weights[:, None, None] * self.potential.derivative(self._responses(x)))

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the gradient's Lipschitz constant by the potential's curvature times the bank's norm."""
        # A bound for weights below zero too, which a step of training may leave.
        weighted = jax.lax.stop_gradient(self.filters * jnp.sqrt(jnp.abs(self.weights))[:, None, None])
        return self.potential.curvature * FilterBank(weighted, self.boundary).squared_norm(shape)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether no weight is negative and every scale of the potential is positive."""
        return all_nonnegative(self.weights) & all_positive(self.potential)

    def nearest_in_range(self) -> Self:
        """Return the same with negative weights at zero; a scale of the potential stays as it is."""
        return dataclasses.replace(self, weights=jnp.maximum(self.weights, 0))

    def no_sensitivity(self) -> str | None:
        """Return None for a convex potential with a bound of its third derivative, else what is missing."""
        if holds_arrays(self.potential):
            return f"{self.potential!r} has a scale that is learned, by which no derivative is bounded"
        if not self.potential.convex:
            return f"{self.potential!r} is not convex, so that a minimiser nearby is not certain"
        if not isinstance(self.potential, BoundedPotential):
            return f"{self.potential!r} has no bound of its third derivative (`steepest`)"
        return None

    def sensitivity(self, x: Float[Array, "h w"], radius: Float[Array, ""]) -> ExpertSensitivity:
        """Bound how Hessian and mixed derivatives vary over a ball around x."""
        return ExpertSensitivity(self.W, self.weights, cast(BoundedPotential, self.potential), x, radius)

    def _responses(self, x: Array) -> Array:
        require_grey("a field of experts", x.shape)
        return self.W(x)
