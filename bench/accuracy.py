"""How wrong a hypergradient is, and what it is judged by."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..hypergrad.central_differences import random_directions
from ..hypergrad.reference import disagreement, reference_rung
from .case import Instance
from .inputs import Inputs, lower_level
from .program import Compiler, OutOfMemory
from .programs import judge

DIRECTIONS = 3
LARGEST_ERROR = 1e-4
"""A reference that its own check puts further off than this is not used."""


class Judgement(NamedTuple):
    """A reference gradient by the regulariser, or the sentence why there is none.

    Attributes:
        reference: the rung of the ladder, or the sentence.
        gradient: all leaves as one float64 vector; None without a reference.
        error: bound of the reference's own relative error; None without a reference.
    """

    reference: str
    gradient: np.ndarray | None = None
    error: float | None = None


class Accuracy(NamedTuple):
    """Compare a gradient with its reference: relative error, cosine, and ratio of norms."""

    relative_error: float
    cosine: float
    norm_ratio: float


def find_reference(instance: Instance, inputs: Inputs, compiler: Compiler) -> Judgement:
    """Compute the batch's reference hypergradient in float64 and check it by central differences.

    Args:
        instance: names it.
        inputs: in float64.
        compiler: compiles the ladder's program.
    """
    template = lower_level(inputs, 0)
    rung, exists = reference_rung(template)
    if not exists:
        return Judgement(f"no reference: {rung}")
    directions = random_directions(template, DIRECTIONS, instance.seed, ("regularizer",))
    try:
        program = compiler.compile_program(
            judge(directions), inputs, name=f"reference of {instance.describe()}"
        )
        found = jax.block_until_ready(program(inputs))
    except OutOfMemory as error:
        return Judgement(f"no reference: out of memory ({error})")
    untrusted = int(np.sum(~np.asarray(found.trusted)))
    if untrusted:
        return Judgement(f"no reference: {untrusted} of {instance.batch} solutions could not be certified")
    gradient = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), found.gradient)
    error = float(disagreement(gradient, directions, jnp.mean(found.differences, axis=0)))
    if not error <= LARGEST_ERROR:
        return Judgement(f"no reference: central differences disagree with it by {error:.1e}")
    return Judgement(rung, flatten(gradient.regularizer), error)


def compare(gradient: Any, judgement: Judgement) -> Accuracy | None:
    """Compare a gradient by the regulariser with the reference; None without one, or if it is not finite."""
    if judgement.gradient is None:
        return None
    vector, truth = flatten(gradient), judgement.gradient
    norms = float(np.linalg.norm(vector)), float(np.linalg.norm(truth))
    if not np.isfinite(vector).all() or norms[1] == 0:
        return None
    cosine = float(vector @ truth) / (norms[0] * norms[1]) if norms[0] else 0.0
    return Accuracy(float(np.linalg.norm(vector - truth)) / norms[1], cosine, norms[0] / norms[1])


def flatten(tree: Any) -> np.ndarray:
    """Return all leaves as one float64 vector."""
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)])
