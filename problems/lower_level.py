"""The lower-level problem."""

import dataclasses
from typing import Any, Self

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .arrays.mesh_axes import require_automatic_axes
from .arrays.one_dtype import require_one_dtype, settle_fields
from .linear_operator import LinearOperator
from .regularizer import (
    EnergyRegularizer,
    OperatorRegularizer,
    ProximalRegularizer,
    Regularizer,
    SmoothRegularizer,
)
from .values.pytree import check_again, pytree
from .values.validation import is_concrete, require_finite, require_floating


@pytree
class LowerLevel:
    """Hold the variational problem  min_x 1/2 ||A x - y||^2 + R(x), of which every array is a leaf.

    A regulariser without an energy makes it the equation  A^T (A x - y) + R(x) = 0,  R its operator, or the
    fixed point  x = prox(x - tau A^T (A x - y), tau).

    Args:
        A: linear operator from the signal to the measurement.
        y: measurement, of the shape that A maps to.
        regularizer: R, with its parameters.

    Numbers and numpy arrays among the leaves become JAX's arrays of the others' dtype. For the `in_axes` of
    `jax.vmap` there are trees of axes, all of whose leaves are whole numbers or None:
    `axes = jax.tree.map(lambda _: None, lower).replace(y=0)`. A batch with these axes is made by
    `jax.vmap(lambda y: lower.replace(y=y), out_axes=axes)(ys)`.

    Raises:
        TypeError: if `y` is not a floating-point array, the arrays are not all float32 or all float64, or lie
            on a mesh whose axes are explicit.
        ValueError: if `y` is not finite, the shapes of A, y and the regulariser do not fit together, or what
            their own constructors refuse has come in since: a weight below zero after a step of training.
    """

    A: LinearOperator
    y: Float[Array, "..."]
    regularizer: Regularizer

    def __post_init__(self) -> None:
        if _names_axes(self):
            return
        require_automatic_axes((self.A, self.y, self.regularizer), "a lower level")
        require_floating("y", self.y)
        dtype = require_one_dtype(self, "a lower level") or self.y.dtype
        require_finite("y", self.y)
        check_again(self.A)
        check_again(self.regularizer)
        known = is_concrete(self.y)
        # Last, since inside a trace what is made is traced, and its entries are not known.
        settle_fields(self, dtype)
        # Tracing without computing finds every mismatch; the operators' own messages say which. Inside a
        # trace the operators say it themselves when they are used.
        if known:
            jax.eval_shape(_use_all, self)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the signal or image x."""
        return jax.eval_shape(lambda lower: lower.A.adjoint(lower.y), self).shape

    def replace(self, **changes: Any) -> Self:
        """Return a copy with other `A`, `y` or `regularizer`."""
        return dataclasses.replace(self, **changes)

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the energy at x.

        Raises:
            TypeError: if the regulariser has no energy.
        """
        if not isinstance(self.regularizer, EnergyRegularizer):
            raise TypeError(f"{type(self.regularizer).__name__} has no energy: it offers no value")
        return 0.5 * jnp.sum(jnp.square(self.A(x) - self.y)) + self.regularizer.value(x)

    def data_gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate A^T (A x - y)."""
        return self.A.adjoint(self.A(x) - self.y)

    def gradient(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the gradient of the energy; the regulariser must be smooth.

        Raises:
            TypeError: if the regulariser has no gradient.
        """
        if not hasattr(self.regularizer, "gradient"):
            raise TypeError(f"{type(self.regularizer).__name__} has no gradient: {_why_no_gradient(self)}")
        return self.data_gradient(x) + self.regularizer.gradient(x)  # pyright: ignore

    def operator(self, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate what vanishes at the solution: the energy's gradient, or A^T (A x - y) + R(x) without one.

        Raises:
            TypeError: if the regulariser has neither a gradient nor an operator.
        """
        if isinstance(self.regularizer, SmoothRegularizer):
            return self.gradient(x)
        if isinstance(self.regularizer, OperatorRegularizer):
            return self.data_gradient(x) + self.regularizer.operator(x)
        raise TypeError(f"{type(self.regularizer).__name__} has neither a gradient nor an operator")


def _names_axes(lower: LowerLevel) -> bool:
    leaves = jax.tree.leaves((lower.A, lower.y, lower.regularizer))
    return all(isinstance(leaf, int) and not isinstance(leaf, bool) for leaf in leaves)


def _why_no_gradient(lower: LowerLevel) -> str:
    if isinstance(lower.regularizer, EnergyRegularizer):
        return "it is not smooth"
    return "it has no energy"


def _use_all(lower: LowerLevel) -> None:
    """Evaluate all that the regulariser offers, at a signal that fits A and y."""
    x, regularizer = lower.A.adjoint(lower.y), lower.regularizer
    # The data term by itself: a regulariser may offer nothing that reaches y.
    if lower.A(x).shape != lower.y.shape:
        raise ValueError(f"A maps to shape {tuple(lower.A(x).shape)}, and y has shape {tuple(lower.y.shape)}")
    if isinstance(regularizer, EnergyRegularizer):
        lower.value(x)
    if isinstance(regularizer, SmoothRegularizer | OperatorRegularizer):
        _require_shape("gradient or operator", lower.operator(x), x)
    if isinstance(regularizer, ProximalRegularizer):
        _require_shape("prox", regularizer.prox(x, jnp.ones((), x.dtype)), x)


def _require_shape(name: str, image: Array, x: Array) -> None:
    if image.shape != x.shape:
        raise ValueError(
            f"the regulariser's {name} maps shape {tuple(x.shape)} to {tuple(image.shape)}; the same is due"
        )
