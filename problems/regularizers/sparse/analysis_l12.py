"""The sum of the norms of groups of an analysis operator's responses."""

import dataclasses
from typing import ClassVar, Literal, Self, get_args

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ...arrays.channels import is_colour
from ...arrays.euclidean_norm import unit_of
from ...arrays.safe_root import safe_root
from ...linear_operator import LinearOperator
from ...operators.forward_differences import ForwardDifferences
from ...values.pytree import pytree, static
from ...values.validation import all_nonnegative
from .weight_map import weight_of

Group = Literal["filters", "filters and channels"]


@pytree
class AnalysisL12:
    """Penalise the Euclidean norms of groups of responses: R(x) = sum_g weight_g ||(W x)_g||.

    A group holds what all filters, or directions, respond at one place: the first axis of W x. With
    `ForwardDifferences()` it is isotropic total variation, each channel of a colour image by itself; across
    "filters and channels" it is vectorial total variation, whose channels have their edges at one place.
    Convex and not smooth where a group is zero; elsewhere curved, unlike `AnalysisL1`.
    Source: Rudin, Osher and Fatemi, 1992; Yuan and Lin, 2006 (group norm); Bresson and Chan, 2008 (colour).

    Args:
        W: analysis operator whose responses have an axis in front along which they are grouped, such as
            `ForwardDifferences()` or `FilterBank`.
        weight: one number, or a map with one per group: the shape of W x without its first axis, as (h, w),
            with length one along axes that share a weight. The channels of colour responses may share a map
            (h, w), and do across channels. Not negative.
        across: what a group holds at one place, "filters" or "filters and channels"; static.

    Raises:
        TypeError: if W is not a linear operator, or `weight` not a number or a floating-point array.
        ValueError: if `weight` is negative or `across` unknown, or, when applied, if `weight` does not fit.
    """

    W: LinearOperator
    weight: Float[Array, "..."] | float
    across: Group = static(default="filters")
    convex: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if not isinstance(self.W, LinearOperator):
            raise TypeError(
                f"W must be a linear operator such as ForwardDifferences(); got {type(self.W).__name__}"
            )
        if self.across not in get_args(Group):
            raise ValueError(f"across must be one of {get_args(Group)}; got {self.across!r}")
        object.__setattr__(self, "weight", weight_of(self.W, self.weight))

    @classmethod
    def initial(cls, shape: tuple[int, ...], seed: int) -> Self:
        """Start as isotropic total variation of weight 0.1, on signals (n,), images (h, w) and (h, w, 3).

        Raises:
            ValueError: if `shape` is neither that of a signal nor that of an image.
        """
        del seed
        W = ForwardDifferences()
        W.squared_norm(shape)
        return cls(W, jnp.asarray(0.1, jnp.float64))

    def value(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Evaluate the weighted sum of the groups' norms."""
        responses = self.W(x)
        return jnp.sum(self.group_weight_like(responses) * self.group_norms(responses))

    def times(self, factor: Float[Array, ""] | float) -> Self:
        """Return the same regulariser with its weight multiplied."""
        return dataclasses.replace(self, weight=factor * self.weight)

    def in_range(self) -> Bool[Array, ""]:
        """Tell whether no weight is negative."""
        return all_nonnegative(jnp.asarray(self.weight))

    def group_sum(self, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
        """Add up what belongs to a group; the axes that it takes stay, with length one."""
        return jnp.sum(u, axis=self._axes(u.shape), keepdims=True)

    def group_norms(self, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
        """Return the norm of each group, in the shape of `group_sum`."""
        unit = unit_of(u)
        return unit * safe_root(self.group_sum(jnp.square(u / unit)))

    def group_weight_like(self, u: Float[Array, "*range"]) -> Float[Array, "*groups"]:
        """Spread the weight over the groups of responses of the shape of `u`."""
        weight, taken = jnp.asarray(self.weight), self._axes(u.shape)
        groups = tuple(1 if axis in taken else length for axis, length in enumerate(u.shape))
        ours = (1, *weight.shape) if weight.ndim else (1,) * u.ndim
        if weight.ndim == u.ndim - 2 and is_colour(u.shape[-3:]):
            ours = (*ours, 1)
        fits = len(ours) == u.ndim and all(
            side in (1, length) for side, length in zip(ours, groups, strict=True)
        )
        if not fits:
            raise ValueError(
                f"weight must be one number, or fit the groups of shape {groups[1:]}, with length one along "
                f"axes that share a weight; got shape {tuple(weight.shape)}"
            )
        return jnp.broadcast_to(weight.reshape(ours).astype(u.dtype), groups)

    def _axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if self.across == "filters":
            return (0,)
        if not is_colour(shape[-3:]) or len(shape) < 3:
            raise ValueError(f"groups across channels need a colour image (h, w, 3); got {tuple(shape)}")
        return (0, len(shape) - 1)
