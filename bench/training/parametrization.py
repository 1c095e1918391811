"""How parameters are kept in their range while an optimiser moves them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...problems.regularizer import Regularizer
from .choices import Keeping
from .leaf_range import LeafRange, leaf_ranges

FLOOR = 1e-3
"""Of its smallest starting value: the least that the projection leaves of what must be positive."""


@dataclass(frozen=True)
class LeafRule:
    """Say how one leaf of a regulariser is trained.

    Attributes:
        leaf: its name and its range.
        keeping: what keeps it there.
        learned: whether it is trained at all.
        floor: what the projection leaves at least.
    """

    leaf: LeafRange
    keeping: Keeping
    learned: bool
    floor: float

    @property
    def is_mapped(self) -> bool:
        """Tell whether the optimiser moves another number than the parameter itself."""
        return self.learned and self.keeping != "projection" and self.leaf.values != "any number"

    def value(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the parameter of what the optimiser moves."""
        if not self.is_mapped:
            return free
        if self.leaf.values == "from 0 to 1":
            return jax.nn.sigmoid(free)
        return jnp.exp(free) if self.keeping == "exp" else jax.nn.softplus(free)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return what the optimiser moves, of a parameter: the inverse of `value`."""
        if not self.is_mapped:
            return value
        if self.leaf.values == "from 0 to 1":
            return jnp.log(value) - jnp.log1p(-value)
        # log(exp(v) - 1), which overflows for no v.
        return jnp.log(value) if self.keeping == "exp" else value + jnp.log(-jnp.expm1(-value))

    def projected(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        """Return the nearest value in the range, where a projection keeps it there."""
        if self.is_mapped or not self.learned or self.leaf.values == "any number":
            return free
        highest = 1.0 if self.leaf.values == "from 0 to 1" else None
        return jnp.clip(free, self.floor, highest)

    def sentence(self) -> str:
        """Say in words what is done."""
        if not self.learned:
            return "not learned"
        if self.leaf.values == "any number":
            return "any number: learned as it is"
        if not self.is_mapped:
            least = f", at least {self.floor:g}" if self.floor else ""
            return f"{self.leaf.values}: projected after every step{least}"
        name = "sigmoid" if self.leaf.values == "from 0 to 1" else self.keeping
        return f"{self.leaf.values}: {name} of the number that is learned"


@dataclass(frozen=True)
class Parametrization:
    """Say how every leaf of a regulariser is trained; made by `parametrization`.

    What the optimiser moves is a tree like the regulariser, whose leaves are free numbers.
    """

    rules: tuple[LeafRule, ...]

    def free(self, regularizer: Regularizer) -> Any:
        """Return what the optimiser moves, for a regulariser to start from."""
        return self._each(regularizer, [rule.free for rule in self.rules])

    def regularizer(self, free: Any) -> Any:
        """Return the regulariser of what the optimiser moves."""
        return self._each(free, [rule.value for rule in self.rules])

    def projected(self, free: Any) -> Any:
        """Return what the optimiser has moved, back in its range."""
        return self._each(free, [rule.projected for rule in self.rules])

    def learned(self, change: Any) -> Any:
        """Return a gradient or an update with zeros where nothing is learned."""
        return self._each(change, [_kept if rule.learned else jnp.zeros_like for rule in self.rules])

    def learned_leaves(self, regularizer: Regularizer) -> list[Float[Array, "..."]]:
        """Return the leaves that are learned."""
        leaves = jax.tree.leaves(regularizer)
        return [leaf for leaf, rule in zip(leaves, self.rules, strict=True) if rule.learned]

    def with_learned(self, regularizer: Regularizer, leaves: Sequence[Float[Array, "..."]]) -> Any:
        """Return a regulariser with other leaves in the place of those that are learned."""
        held, structure = jax.tree.flatten(regularizer)
        new = iter(leaves)
        return structure.unflatten(
            [next(new) if rule.learned else leaf for leaf, rule in zip(held, self.rules, strict=True)]
        )

    def sentences(self) -> dict[str, str]:
        """Say of every leaf, by its name, how it is trained."""
        return {rule.leaf.name: rule.sentence() for rule in self.rules}

    def _each(self, tree: Any, functions: Sequence[Any]) -> Any:
        leaves, structure = jax.tree.flatten(tree)
        return structure.unflatten([function(leaf) for function, leaf in zip(functions, leaves, strict=True)])


def parametrization(
    regularizer: Regularizer, keeping: Keeping = "projection", learn: Sequence[str] = ()
) -> Parametrization:
    """Choose how the leaves of a regulariser are trained.

    Args:
        regularizer: where training starts.
        keeping: "projection" moves the parameters themselves and takes the nearest value in the range after
            every step; "exp" and "softplus" move a free number, of which the parameter is that function, and
            the sigmoid where the range is from 0 to 1.
        learn: names of leaves, or of what holds them, such as "weight" or "W"; all others stay as they are.
            All are learned for none.

    Raises:
        ValueError: if `keeping` or a name is none of those there are, or a parameter starts where the
            function never is, such as a weight of zero with "exp".
    """
    if keeping not in get_args(Keeping):
        raise ValueError(f"keeping must be one of {get_args(Keeping)}; got {keeping!r}")
    ranges = leaf_ranges(regularizer)
    leaves = jax.tree.leaves(regularizer)
    for name in learn:
        if not any(_is_of(one, name) for one in ranges):
            known = ", ".join(one.name for one in ranges)
            raise ValueError(f"{name!r} is no parameter of {type(regularizer).__name__}; accepted: {known}")
    rules = [
        _rule(one, leaf, keeping, not learn or any(_is_of(one, name) for name in learn))
        for one, leaf in zip(ranges, leaves, strict=True)
    ]
    return Parametrization(tuple(rules))


def _rule(leaf: LeafRange, value: Array, keeping: Keeping, learned: bool) -> LeafRule:
    floor = FLOOR * float(jnp.min(value)) if leaf.values == "positive" else 0.0
    rule = LeafRule(leaf, keeping, learned, floor)
    if not bool(jnp.all(jnp.isfinite(rule.free(value)))):
        raise ValueError(
            f"{leaf.name!r} starts at a bound of its range ({leaf.values}), where {keeping} never is; start "
            "inside, or take 'projection'"
        )
    return rule


def _is_of(leaf: LeafRange, name: str) -> bool:
    return leaf.name == name or leaf.name.startswith(f"{name}.")


def _kept(leaf: Array) -> Array:
    return leaf
