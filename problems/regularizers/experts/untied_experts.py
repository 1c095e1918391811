"""Fields of experts whose two filter banks differ: an operator without an energy."""

import dataclasses
from typing import Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ...arrays.channels import require_grey
from ...operators.filter_bank import Boundary, FilterBank
from ...values.pytree import pytree, setting, static
from ...values.validation import (
    all_nonnegative,
    all_positive,
    require_dimensions,
    require_finite,
    require_floating,
    require_nonnegative,
)
from ..initial_filters import initial_filters
from .potentials import Potential, PseudoHuber, require_one_or_each

_APART = 0.1
"""Size of the difference between the two banks at the start, over that of the filters."""


@pytree
class UntiedExperts:
    """Filter, bend and filter back by another bank: sum_k C_k^T (weights_k sigma(A_k x + biases_k)).

    sigma is a potential's derivative. With C = A and no biases it is the gradient of `FieldsOfExperts`, and
    with C = A alone that of an energy too; otherwise its Jacobian C^T diag(weights sigma') A is not symmetric
    and no energy exists. A solution is certain where the data term outweighs the difference of the banks.
    Source: Riccio, Ehrhardt and Benning, 2022 (deep equilibrium model with untied weights).

    Args:
        filters: A, shape (k, s, s).
        synthesis: C, which maps back to the image, shape (k, s, s).
        weights: one per filter, shape (k,); not negative.
        biases: one per filter, shape (k,).
        potential: whose derivative is sigma, monotone where it is convex: `LogCosh(0.01)` gives a multiple of
            tanh(100 t); static, but for a scale that is an array, see `FieldsOfExperts`.
        boundary: see `FilterBank`; static.

    Raises:
        TypeError: if an array is not floating, or `potential` is not a potential.
        ValueError: if the shapes do not fit together, a weight is negative, or an array of the potential is
            neither one number nor one per filter.
    """

    filters: Float[Array, "k s s"]
    synthesis: Float[Array, "k s s"]
    weights: Float[Array, " k"]
    biases: Float[Array, " k"]
    potential: Potential = setting(default=PseudoHuber())
    boundary: Boundary = static(default="circular")

    def __post_init__(self) -> None:
        if not isinstance(self.potential, Potential):
            raise TypeError(
                f"potential must offer value and derivative, as PseudoHuber() does; got {self.potential!r}"
            )
        shapes = tuple(self.W.filters.shape), tuple(self.C.filters.shape)
        if shapes[0] != shapes[1]:
            raise ValueError(f"filters and synthesis must have one shape; got {shapes[0]} and {shapes[1]}")
        for name in ("weights", "biases"):
            value = getattr(self, name)
            require_floating(name, value)
            require_dimensions(name, value, "(k,)", 1)
            require_finite(name, value)
            if value.shape != shapes[0][:1]:
                raise ValueError(
                    f"{name} must be one per filter, shape {shapes[0][:1]}; got {tuple(value.shape)}"
                )
        require_nonnegative("weights", self.weights)
        require_one_or_each(self.potential, shapes[0][0])

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start as `FieldsOfExperts` does on images (h, w), with a bank C a tenth off A and no biases."""
        filters = initial_filters(shape, seed)
        apart = np.random.default_rng([seed, 8]).normal(size=filters.shape)
        norms = np.linalg.norm(filters, axis=(1, 2), keepdims=True)
        apart *= _APART * norms / np.linalg.norm(apart, axis=(1, 2), keepdims=True)
        count = filters.shape[:1]
        return cls(
            jnp.asarray(filters),
            jnp.asarray(filters + apart),
            jnp.full(count, 0.2, jnp.float64),
            jnp.zeros(count, jnp.float64),
        )

    @property
    def W(self) -> FilterBank:
        """The filters A as an operator from images to responses."""
        return FilterBank(self.filters, self.boundary)

    @property
    def C(self) -> FilterBank:
        """The filters whose adjoint maps responses back."""
        return FilterBank(self.synthesis, self.boundary)

    def operator(self, x: Float[Array, "h w"]) -> Float[Array, "h w"]:
        """Evaluate sum_k C_k^T (weights_k sigma(A_k x + biases_k))."""
        require_grey("a field of untied experts", x.shape)
        responses = self.W(x) + self.biases[:, None, None]
        return self.C.adjoint(self.weights[:, None, None] * self.potential.derivative(responses))

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weights multiplied."""
        return dataclasses.replace(self, weights=factor * self.weights)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether no weight is negative and every scale of the potential is positive."""
        return all_nonnegative(self.weights) & all_positive(self.potential)

    def lipschitz(self, shape: tuple[int, ...]) -> Float[Array, ""]:
        """Bound the Lipschitz constant by the potential's curvature times the two weighted banks' norms."""

        def squared_norm(filters: Float[Array, "k s s"]) -> Float[Array, ""]:
            weighted = filters * jnp.sqrt(jnp.abs(self.weights))[:, None, None]
            return FilterBank(weighted, self.boundary).squared_norm(shape)

        product = squared_norm(self.filters) * squared_norm(self.synthesis)
        return jax.lax.stop_gradient(self.potential.curvature * jnp.sqrt(product))
