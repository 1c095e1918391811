"""Hashes of input arrays, so that two records can be seen to have had the same inputs."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

_DIGITS = 16


def hash_arrays(tree: PyTree) -> dict[str, str]:
    """Return, for each leaf's path in the tree, the first 16 digits of its SHA-256.

    The hash covers dtype, shape and bytes, in that order, so that equal numbers in another precision or
    shape differ. Caveat: -0.0 and 0.0 differ too, as do NaNs of different payload.
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): _hash(leaf) for path, leaf in leaves}


def _hash(leaf: object) -> str:
    """Hash one array or number; a random key is hashed by its data."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        leaf = jax.random.key_data(leaf)
    array = np.asarray(leaf)
    header = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(header + array.tobytes()).hexdigest()[:_DIGITS]
