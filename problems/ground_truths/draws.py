"""From a request for ground truths to the random stream that answers it."""

import operator
from collections.abc import Sequence
from typing import Any, get_args

import numpy as np

from ..ground_truth import GroundTruth, Split


def seed_sequence(name: str, seed: int, split: Split) -> np.random.SeedSequence:
    """Derive the random stream of the ground truth called `name` from a seed and a split.

    The seed is the entropy and the bytes of "name/split" are the spawn key: no two ground truths or splits
    share a stream, and the stream depends on no hash that changes from run to run.

    Args:
        name: of the ground truth's class.
        seed: whole number, at least 0.
        split: "train" or "test".

    Raises:
        ValueError: if the seed or the split is another.
    """
    require_split(split)
    if not _is_whole(seed, least=0):
        raise ValueError(f"seed must be a whole number, at least 0; got {seed!r}")
    return np.random.SeedSequence(operator.index(seed), spawn_key=tuple(f"{name}/{split}".encode()))


def require_split(split: Any) -> None:
    """Raise `ValueError` unless `split` is the name of one."""
    if split not in get_args(Split):
        raise ValueError(f"split must be 'train' or 'test'; got {split!r}")


def require_request(truth: GroundTruth, shape: Sequence[int], count: int) -> None:
    """Raise `ValueError` unless `truth` supports the shape and the count is a whole number, at least 1."""
    reason = truth.supports(tuple(shape))
    if reason is not None:
        raise ValueError(reason)
    if not _is_whole(count, least=1):
        raise ValueError(f"count must be a whole number, at least 1; got {count!r}")


def require_probability(name: str, value: Any) -> None:
    """Raise `TypeError` or `ValueError` unless `value` is a number in [0, 1]."""
    if not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number in [0, 1]; got {type(value).__name__}")
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number in [0, 1]; got {value}")


def unsupported(what: str, axes: Sequence[str], shape: Sequence[int]) -> str | None:
    """Say why `shape` is none of `what`, whose axes are named; return None where it is one."""
    if len(shape) == len(axes) and all(_is_whole(side, least=1) for side in shape):
        return None
    meaning = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
    return f"{what} have shape {meaning}, whole numbers of at least 1; got shape {tuple(shape)}"


def _is_whole(value: Any, least: int) -> bool:
    # numpy's integers count as whole numbers, True does not.
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value >= least)
