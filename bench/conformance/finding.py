"""What a check is and what it finds, and how far apart two trees of arrays are."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from ..failure import failure_of


class Finding(NamedTuple):
    """The result of one check.

    Attributes:
        subject: label of what was checked.
        check: short name of the check.
        passed: whether the subject conforms.
        detail: a sentence with the measured figure and the tolerance.
    """

    subject: str
    check: str
    passed: bool
    detail: str


class Check(NamedTuple):
    """Something that takes a moment and yields findings.

    Attributes:
        subject: what is checked, for a line of progress.
        run: makes the findings.
        first: whether it belongs to the first verdict: what finds most, on the first problem that fits.
    """

    subject: str
    run: Callable[[], Iterator[Finding]]
    first: bool = False

    def findings(self) -> Iterator[Finding]:
        """Yield the findings; what raises becomes one that failed: a check must not end the others."""
        try:
            yield from self.run()
        except GeneratorExit:
            raise
        except BaseException as error:
            yield Finding(self.subject, "runs", False, failure_of(error))


def bounded(subject: str, check: str, figure: Any, tolerance: float) -> Finding:
    """Return a finding that passes if `figure` is at most `tolerance`; NaN does not."""
    value = float(figure)
    return Finding(
        subject, check, value <= tolerance, f"measured {value:.1e}; at most {tolerance:.0e} is allowed"
    )


def distance(found: Any, expected: Any) -> float:
    """Return ||found - expected|| / ||expected|| over all leaves of two trees of one structure.

    Infinite where structures or shapes differ or `found` is not finite; absolute where `expected` is zero.
    """
    pairs = _paired(found, expected)
    if pairs is None:
        return np.inf
    error = np.sqrt(sum(float(np.sum(np.square(entry - other))) for entry, other in pairs))
    norm = np.sqrt(sum(float(np.sum(np.square(other))) for _, other in pairs))
    return _finite(error / norm if norm > 0 else error)


def leafwise_distance(found: Any, expected: Any) -> float:
    """Return the largest relative distance of a leaf, so that an error in a small leaf is not drowned.

    A leaf below a thousandth of the whole tree's norm is measured against that thousandth: its own digits
    are rounding and truncation of the others'.
    """
    pairs = _paired(found, expected)
    if pairs is None:
        return np.inf
    norms = [float(np.linalg.norm(other)) for _, other in pairs]
    floor = 1e-3 * float(np.linalg.norm(norms)) or 1.0
    errors = [float(np.linalg.norm(entry - other)) for entry, other in pairs]
    return _finite(max(error / max(norm, floor) for error, norm in zip(errors, norms, strict=True)))


def layout(tree: Any) -> Any:
    """Return structure, shapes and dtypes of a tree of arrays, comparable with `==`."""
    leaves, structure = jax.tree.flatten(tree)
    return structure, [(tuple(leaf.shape), np.dtype(leaf.dtype).name) for leaf in leaves]


def is_reason(value: Any) -> bool:
    """Say whether `value` is what `supports` may return: None, or a sentence."""
    return value is None or (isinstance(value, str) and bool(value.strip()))


def _paired(found: Any, expected: Any) -> list[tuple[np.ndarray, np.ndarray]] | None:
    ours, theirs = jax.tree.leaves(found), jax.tree.leaves(expected)
    if [np.shape(leaf) for leaf in ours] != [np.shape(leaf) for leaf in theirs]:
        return None
    return [
        (np.asarray(one, np.float64), np.asarray(other, np.float64))
        for one, other in zip(ours, theirs, strict=True)
    ]


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else np.inf
