"""Arrays inside `jax.shard_map`, whose types say along which axes of the mesh they differ between devices."""

from typing import Any

import jax
import jax.numpy as jnp


def types_tell_devices_apart() -> bool:
    """Tell whether this is inside `jax.shard_map` with its `check_vma`, where types have that part."""
    axes = jax.sharding.get_abstract_mesh().manual_axes
    if not axes:
        return False
    # JAX has renamed that part of a type: an operation shows in every version whether it is there.
    same = jnp.zeros(())
    return jax.typeof(jax.lax.pcast(same, tuple(axes), to="varying")) != jax.typeof(same)


def differing_as(tree: Any, like: Any) -> Any:
    """Return the same arrays, of the type of what differs between devices wherever anything of `like` does.

    The carry of a loop keeps its type: a zero that is made inside `jax.shard_map` is the same on all devices,
    and what a step adds to it is not. Values stay as they are; outside of `jax.shard_map` so does all.

    Args:
        tree: arrays and numbers.
        like: arrays.
    """
    if not types_tell_devices_apart():
        return tree
    differs = jnp.zeros((), bool)
    for leaf in jax.tree.leaves(like):
        differs = differs | jnp.zeros_like(leaf, bool, shape=())

    def as_differing(leaf: Any) -> Any:
        leaf = jnp.asarray(leaf)
        one = jnp.ones((), leaf.dtype)
        one = jnp.where(differs, one, one)
        return leaf & one if leaf.dtype == bool else leaf * one

    return jax.tree.map(as_differing, tree)


def require_automatic_axes(tree: Any, what: str) -> None:
    """Refuse arrays on a mesh whose axes are in their types: JAX has no rule for a loop under `vmap` there.

    Args:
        tree: any pytree; only its JAX arrays are looked at.
        what: what the tree is, for the message.

    Raises:
        TypeError: if an axis of a mesh is explicit.
    """
    for leaf in jax.tree.leaves(tree):
        mesh = jax.typeof(leaf).sharding.mesh if isinstance(leaf, jax.Array) else None
        if mesh is not None and jax.sharding.AxisType.Explicit in mesh.axis_types:
            raise TypeError(
                f"the arrays of {what} lie on a mesh with explicit axes {mesh.axis_names}, as jax.make_mesh "
                "makes them: give it axis_types=(jax.sharding.AxisType.Auto,), or take "
                "jax.sharding.Mesh(devices, names)"
            )
