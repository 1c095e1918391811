"""The file of a regulariser that was learned."""

from pathlib import Path

import jax
import numpy as np
from safetensors.numpy import save

from ...problems.regularizer import Regularizer
from ..errors import unwritable
from ..records.durable import replace_durably
from .leaf_range import leaf_name

LEARNED = "regularizer.safetensors"


def save_learned(folder: Path, regularizer: Regularizer) -> None:
    """Write a regulariser's parameters by their names; raise `UserError` if the folder cannot be written."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(regularizer)
    tensors = {leaf_name(path): np.array(leaf, order="C") for path, leaf in leaves}
    try:
        replace_durably(folder / LEARNED, save(tensors))
    except OSError as error:
        raise unwritable(folder / LEARNED, error) from error
