"""The file of a training's state: all that it goes on from, to the bit."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ..errors import UserError, unwritable
from ..records.durable import refuse_special, replace_durably
from .leaf_range import leaf_name
from .step_trainer import StepState

_SECONDS, _TRAINING = "seconds", "training"


class Checkpoint(NamedTuple):
    """A `StepState`, and the seconds that training took until then."""

    state: Any
    seconds: float


def save_checkpoint(path: Path, checkpoint: Checkpoint, training: str) -> None:
    """Write a state, whole or not at all: parameters, the optimiser's state, starts and the step.

    Args:
        path: of the file, which is replaced if there is one.
        checkpoint: what to write.
        training: a text that names the training; only the same one goes on.

    Raises:
        UserError: if the file cannot be written.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(checkpoint.state)
    # A copy in order of rows: what safetensors writes is the memory as it lies.
    tensors = {leaf_name(name): np.array(_plain(leaf), order="C") for name, leaf in leaves}
    about = {_TRAINING: training, _SECONDS: repr(checkpoint.seconds)}
    try:
        replace_durably(path, save(tensors, metadata=about))
    except OSError as error:
        raise unwritable(path, error) from error


def load_checkpoint(path: Path, like: StepState, training: str) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Args:
        path: of the file.
        like: a state of the same training, such as its first.
        training: the text that names it.

    Raises:
        UserError: if the file is missing, damaged, or that of another training.
    """
    try:
        refuse_special(path)
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
    # Numbers that numpy lacks end as an AttributeError.
    except (OSError, SafetensorError, AttributeError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete it to start again") from error
    if about.get(_TRAINING) != training:
        raise UserError(f"{path} is the state of another training; delete it to start again")
    return Checkpoint(_tree(path, like, tensors), _seconds(path, about))


def checkpoint_fault(path: Path) -> str | None:
    """Return None if a state can be read, else what is wrong with it; its arrays are not looked at."""
    try:
        refuse_special(path)
        with safe_open(path, framework="numpy") as file:
            file.metadata()
    except FileNotFoundError:
        return f"{path} is missing"
    except (OSError, SafetensorError) as error:
        return f"{path} cannot be read ({error}) and has to be deleted"
    return None


def _tree(path: Path, like: StepState, tensors: dict[str, np.ndarray]) -> Any:
    named, structure = jax.tree_util.tree_flatten_with_path(like)
    expected = {leaf_name(name): leaf for name, leaf in named}
    found = {name: (tensor.shape, str(tensor.dtype)) for name, tensor in tensors.items()}
    if found != {name: (_plain(leaf).shape, str(_plain(leaf).dtype)) for name, leaf in expected.items()}:
        raise UserError(f"{path} holds other arrays than this training has; delete it to start again")
    return structure.unflatten([_like(leaf, tensors[name]) for name, leaf in expected.items()])


def _seconds(path: Path, about: dict[str, str]) -> float:
    try:
        return float(about[_SECONDS])
    except (KeyError, ValueError) as error:
        raise UserError(f"{path} does not say how long training took; delete it to start again") from error


def _plain(leaf: Array) -> Array:
    """Return the numbers of a leaf, those of a random key too, which some optimisers hold."""
    return jax.random.key_data(leaf) if _is_key(leaf) else jnp.asarray(leaf)


def _like(leaf: Array, tensor: np.ndarray) -> Any:
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(tensor), impl=jax.random.key_impl(leaf))
    return jnp.asarray(tensor)


def _is_key(leaf: Array) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
