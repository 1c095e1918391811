"""Settings taken apart into their arrays and all else, and put together again."""

from typing import Any, NamedTuple

import jax

from .configuration import is_array


class Frame(NamedTuple):
    """Configurations without their arrays: hashable, equal by value, and never traced.

    A function with a rule of its own (`jax.custom_vjp`, `custom_vmap`) must be handed arrays as arguments.
    What it is set up with may hold some, such as a traced `Budget(tolerance=t)`.

    Attributes:
        structure: of the configurations.
        others: what they hold that is no array, None in the place of each array.
        names: of the arrays, such as "Budget.tolerance".
    """

    structure: Any
    others: tuple[Any, ...]
    names: tuple[str, ...]

    def filled(self, arrays: list[Any]) -> tuple[Any, ...]:
        """Return the configurations with other arrays."""
        left = iter(arrays)
        return self.structure.unflatten(next(left) if other is None else other for other in self.others)


def split(*settings: Any) -> tuple[Frame, list[Any]]:
    """Return configurations without their arrays, and the arrays."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(settings)
    arrays = {path: leaf for path, leaf in leaves if is_array(leaf)}
    names = tuple(
        f"{type(settings[path[0].idx]).__name__}{jax.tree_util.keystr(path[1:])}" for path in arrays
    )
    others = tuple(None if is_array(leaf) else leaf for _, leaf in leaves)
    return Frame(structure, others, names), list(arrays.values())
