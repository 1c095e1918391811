"""Public weights of ridge regularisers."""

import importlib
import os
from typing import Any

import jax.numpy as jnp
import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from .convolution_chain import ConvolutionChain

FILTERS = (
    "regularizer.filters.0.parametrizations.weight.original",
    "regularizer.filters.1.weight",
    "regularizer.filters.2.weight",
)
NUMBERS = {"alpha": "alpha", "scale": "scale", "beta": "regularizer.beta"}
SCALING = "regularizer.scaling"


def read_ridge(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read the parameters of a convex or weakly convex ridge regulariser from a file of public weights.

    By name: `alpha`, `scale`, `regularizer.beta`, `regularizer.scaling`, and the three banks of filters. A
    file says nothing of whether the regulariser is the convex or the weakly convex one. Nothing in a file is
    executed. Source: the names are those of the weights released with arXiv 2510.01755.

    Args:
        path: a safetensors file, or a PyTorch file with the suffix .pt or .pth, which needs PyTorch.

    Returns:
        The arguments of `ConvexRidge` and `WeaklyConvexRidge` by name, float64.

    Raises:
        ImportError: if it is a PyTorch file and PyTorch is not installed.
        ValueError: if the file cannot be read, names are missing or others are there.
    """
    name = os.path.basename(path)
    arrays = _read(path, name)
    expected = {*NUMBERS.values(), SCALING, *FILTERS}
    if arrays.keys() != expected:
        missing, strange = sorted(expected - arrays.keys()), sorted(arrays.keys() - expected)
        raise ValueError(
            f"{name!r} holds no ridge regulariser: it lacks {', '.join(missing) or 'nothing'} and has "
            f"{', '.join(strange) or 'nothing'} besides"
        )
    leaves = {key: jnp.asarray(array, jnp.float64) for key, array in arrays.items()}
    return {
        **{field: leaves[key].reshape(()) for field, key in NUMBERS.items()},
        "scaling": leaves[SCALING].ravel(),
        "W": ConvolutionChain(*(leaves[key] for key in FILTERS)),
    }


def _read(path: str | os.PathLike[str], name: str) -> dict[str, np.ndarray]:
    if name.endswith((".pt", ".pth")):
        return _read_torch(path, name)
    try:
        return safetensors.numpy.load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{name!r} cannot be read as safetensors: {error}") from error


def _read_torch(path: str | os.PathLike[str], name: str) -> dict[str, np.ndarray]:
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError as error:
        raise ImportError(
            f"{name!r} is a PyTorch file; install PyTorch (the extra 'torch'), or convert it to safetensors"
        ) from error
    try:
        # `weights_only` unpickles tensors and nothing that could be executed.
        tensors = torch.load(path, map_location="cpu", weights_only=True)
        return {key: tensor.double().numpy() for key, tensor in tensors.items()}
    # PyTorch reports damage by errors of many types.
    except Exception as error:
        raise ValueError(f"{name!r} cannot be read as PyTorch weights: {error}") from error
