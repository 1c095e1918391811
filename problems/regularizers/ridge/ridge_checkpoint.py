"""Public weights of ridge regularisers."""

import os
from pathlib import Path
from typing import Any

import jax.numpy as jnp

from ...files.tensor_file import read_tensors, require_match, shapes, under_prefix
from ...operators.convolution_chain import ConvolutionChain

FILTERS = (
    "regularizer.filters.0.parametrizations.weight.original",
    "regularizer.filters.1.weight",
    "regularizer.filters.2.weight",
)
NUMBERS = {"alpha": "alpha", "scale": "scale", "beta": "regularizer.beta"}
SCALING = "regularizer.scaling"


def read_ridge(path: str | os.PathLike[str], prefix: str | None = None) -> dict[str, Any]:
    """Read the parameters of a convex or weakly convex ridge regulariser from a file of public weights.

    By name: `alpha`, `scale`, `regularizer.beta`, `regularizer.scaling`, and the three banks of filters. A
    file says nothing of whether the regulariser is the convex or the weakly convex one. See `read_tensors`
    for what is safe, and `under_prefix` for what may stand before the names. Source: the names are those of
    the weights released with arXiv 2510.01755.

    Args:
        path: a file that ends in .safetensors, .pt, .pth or .ckpt.
        prefix: what stands before the names, with its last dot; None where only one fits.

    Returns:
        The arguments of `ConvexRidge` and `WeaklyConvexRidge` by name, float64.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file has another ending, is damaged, holds no tensors, or if names are missing,
            unexpected, of another shape, or there under several prefixes; the message lists them.
        ImportError: for a file of PyTorch's without PyTorch, or with one that reads it unsafely.
    """
    path = Path(path)
    names = (*NUMBERS.values(), SCALING, *FILTERS)
    tensors = under_prefix(read_tensors(path), names, prefix, f"{path.name} does not hold the regulariser")
    # Files hold numbers in shapes of their own, such as (1, 1, 1, 1).
    arrays = {name: one.squeeze() if name in NUMBERS.values() else one for name, one in tensors.items()}
    stored = shapes(arrays)
    # Shapes of filters are checked where the regulariser is made.
    expected = dict.fromkeys(NUMBERS.values(), ())
    expected |= {name: stored.get(name, ()) for name in (SCALING, *FILTERS)}
    require_match(f"{path.name} holds no ridge regulariser", expected, stored)
    leaves = {key: jnp.asarray(array, jnp.float64) for key, array in arrays.items()}
    return {
        **{field: leaves[key] for field, key in NUMBERS.items()},
        "scaling": leaves[SCALING].ravel(),
        "W": ConvolutionChain(*(leaves[key] for key in FILTERS)),
    }
