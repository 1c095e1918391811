"""The weights that come with the package."""

import functools
import importlib.resources
from typing import Literal

import jax

from .checkpoints import load_drunet
from .drunet import Drunet
from .network import Parameters

Shipped = Literal["denoiser", "potential"]

SMALL = Drunet(widths=(16, 32, 64), blocks=1, activation="elu")
"""The definition of the shipped weights: grey, small enough for a CPU, once differentiable everywhere."""


def shipped_weights(name: Shipped = "denoiser") -> Parameters:
    """Return shipped parameters of `SMALL`, float64: a denoiser, or a scalar potential.

    Both are trained by `hgb train-denoiser` on photographs of scikit-image for noise levels up to 0.2.

    Raises:
        FileNotFoundError: if the installation lacks the file.
    """
    return _read(name)


@functools.cache
def _read(name: Shipped) -> Parameters:
    folder = importlib.resources.files(__package__ or "").joinpath("weights")
    # What is kept must be arrays even if the first call comes from a function that is being traced.
    with (
        jax.ensure_compile_time_eval(),
        importlib.resources.as_file(folder.joinpath(f"{name}.safetensors")) as path,
    ):
        return load_drunet(path, SMALL)
