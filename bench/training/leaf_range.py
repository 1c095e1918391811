"""Which values a parameter of a regulariser may take, found by asking the regulariser."""

import dataclasses
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from ...problems.regularizer import Regularizer, in_range

Range = Literal["any number", "not negative", "positive", "from 0 to 1"]


@dataclasses.dataclass(frozen=True)
class LeafRange:
    """Name a leaf of a regulariser, and say which values its entries may take.

    Attributes:
        name: such as "weight", "W.matrix" or "denoiser.sigma".
        values: in words.
    """

    name: str
    values: Range


def leaf_ranges(regularizer: Regularizer) -> tuple[LeafRange, ...]:
    """Return the range of every leaf, in the order of `jax.tree.leaves`.

    The regulariser is asked by `in_range` whether it takes the leaf filled with -1, 0 and 2, the others as
    they are. Caveat: a range of another kind, such as from -5 to 5, is not found; a step of training that
    leaves it ends its solves as `OUT_OF_RANGE`, and counts as failed.

    Raises:
        ValueError: if a parameter is out of its range as it stands.
    """
    if not bool(in_range(regularizer)):
        raise ValueError(f"a parameter of {regularizer!r} is out of its range; start from one that is not")
    named, structure = jax.tree_util.tree_flatten_with_path(regularizer)
    leaves = [leaf for _, leaf in named]

    def accepts(place: int, value: float) -> bool:
        # By NumPy: nothing is compiled for the shapes of a network.
        filled = jnp.asarray(np.full(leaves[place].shape, value, leaves[place].dtype))
        changed: Any = structure.unflatten([*leaves[:place], filled, *leaves[place + 1 :]])
        return bool(in_range(changed))

    def values(place: int) -> Range:
        if accepts(place, -1.0):
            return "any number"
        if not accepts(place, 2.0):
            return "from 0 to 1"
        return "not negative" if accepts(place, 0.0) else "positive"

    return tuple(LeafRange(leaf_name(path), values(place)) for place, (path, _) in enumerate(named))


def leaf_name(path: Any) -> str:
    """Return the path of a leaf as one types it: "denoiser.sigma"."""
    return jax.tree_util.keystr(path, simple=True, separator=".")
