"""One image on several devices, each with some of its rows."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float

from ..lower_level import LowerLevel
from ..regularizer import OperatorRegularizer, ProximalRegularizer, SmoothRegularizer

Tree = TypeVar("Tree")

AXIS = "rows"
_WHOLE = re.compile(r" = ([^=]*?) (?:all-gather|all-reduce)(?:-start)?\(")
"""An operation of a compiled program that leaves the same on every device, behind its type."""


def shared_by_rows(tree: Tree, shape: tuple[int, ...], devices: Sequence[Any]) -> Tree:
    """Return the same arrays on several devices, those of an image row by row and all others whole on each.

    Under `jax.jit` XLA then divides whatever follows in the same way, solver and hypergradient too, and
    devices hand each other the rows at their borders that filters reach: memory per device falls with their
    number. Of the image is every array two of whose axes in a row have its sides: (h, w), (h, w, 3) and
    responses or weights (k, h, w). NumPy arrays are never whole on one device.

    Filters, differences and masks stay divided, and so do networks, but for the estimate of their Lipschitz
    constant, which each device makes of a whole image. What needs the whole image, such as a Fourier
    transform or wavelets, does not, and a lower level that holds it is refused: its operator and its
    regulariser are compiled once to see that. Solvers and rules are not looked at: one that factorises
    does so on every device. Many images rather share devices by the batch.
    Source: Xu et al., 2021 (GSPMD: the partitioner and its exchange of halos).

    Args:
        tree: such as a lower level and the truth; any pytree of arrays.
        shape: of the image, (h, w) or (h, w, 3).
        devices: of which each gets h / len(devices) rows.

    Raises:
        ValueError: if the devices do not divide the rows, no array is of the image, or an operator needs the
            whole image.
    """
    rows, count = shape[0], len(devices)
    if not count or rows % count:
        raise ValueError(f"an image of {rows} rows cannot be shared evenly by {count} devices")
    mesh = Mesh(np.asarray(devices), (AXIS,))

    def placed(leaf: Any) -> NamedSharding:
        return NamedSharding(mesh, _rows_of(np.shape(leaf), tuple(shape[:2])))

    shardings = jax.tree.map(placed, tree)
    if not any(one.spec for one in jax.tree.leaves(shardings)):
        shapes = sorted({np.shape(leaf) for leaf in jax.tree.leaves(tree)})
        raise ValueError(f"no array has the sides {tuple(shape[:2])} of the image; got shapes {shapes}")
    for lower in _lower_levels(tree):
        _require_local(lower, placed, math.prod(shape))
    return jax.tree.map(jax.device_put, tree, shardings)


def _rows_of(shape: tuple[int, ...], sides: tuple[int, ...]) -> PartitionSpec:
    # The last pair: a bank of k responses may have as many as the image has rows.
    for axis in range(len(shape) - 2, -1, -1):
        if shape[axis : axis + 2] == sides:
            return PartitionSpec(*[None] * axis, AXIS)
    return PartitionSpec()


def _lower_levels(tree: Any) -> list[LowerLevel]:
    nodes = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, LowerLevel))
    return [node for node in nodes if isinstance(node, LowerLevel)]


def _require_local(lower: LowerLevel, placed: Callable[[Any], NamedSharding], pixels: int) -> None:
    """Compile what a lower level does to an image, and look for results that every device has whole."""

    def abstract(leaf: Any) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(jnp.shape(leaf), jnp.result_type(leaf), sharding=placed(leaf))

    x = abstract(jax.ShapeDtypeStruct(lower.shape, lower.y.dtype))
    given = jax.tree.map(abstract, lower)
    parts = ((lower.A, _of_operator), (lower.regularizer, _of_regularizer))
    whole = [
        type(part).__name__
        for part, function in parts
        if _largest_whole(jax.jit(function).lower(given, x).compile().as_text() or "") >= pixels / 2
    ]
    if whole:
        raise ValueError(
            f"{' and '.join(whole)} needs the whole image, which XLA would gather on every device, so that "
            "none would hold less: share a batch of images among the devices, or take an operator of near "
            "pixels, such as FilterBank(jnp.flip(kernel)[None]) in the place of Blur(kernel)"
        )


def _of_operator(lower: LowerLevel, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    return lower.data_gradient(x)


def _of_regularizer(lower: LowerLevel, x: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    regularizer: Any = lower.regularizer
    if isinstance(regularizer, SmoothRegularizer):
        return regularizer.gradient(x)
    if isinstance(regularizer, OperatorRegularizer):
        return regularizer.operator(x)
    if isinstance(regularizer, ProximalRegularizer):
        return regularizer.prox(x, jnp.ones((), x.dtype))
    return regularizer.W.adjoint(regularizer.W(x))


def _largest_whole(program: str) -> int:
    """Return the number of entries of the largest result that all devices have whole."""
    types = " ".join(_WHOLE.findall(program))
    sizes = re.findall(r"\[([\d,]+)\]", types)
    return max((math.prod(map(int, size.split(","))) for size in sizes), default=0)
