"""How wrong a hypergradient is, and what it is judged by."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float64

from ...hypergrad.references.central_differences import random_directions
from ...hypergrad.references.reference import Reference, disagreement, reference_rung
from ...problems.lower_level import LowerLevel
from ..failure import failure_of
from ..grid.case import Instance
from ..grid.inputs import Inputs, lower_level
from .program import Compiler, OutOfMemory, Program
from .programs import compute_references

DIRECTIONS = 3
LARGEST_ERROR = 1e-4
"""A reference that its own check puts further off than this is not used."""


class Judgement(NamedTuple):
    """A reference gradient by the regulariser, or the sentence why there is none.

    Attributes:
        reference: the rung of the ladder, or the sentence.
        gradient: all leaves as one float64 vector; None without a reference.
        error: bound of the reference's own relative error; None without a reference.
        nonsmooth: a sentence, if a solution of the batch lies on a kink; else empty.
    """

    reference: str
    gradient: Float64[np.ndarray, " parameters"] | None = None
    error: float | None = None
    nonsmooth: str = ""


class Accuracy(NamedTuple):
    """Compare a gradient with its reference: relative error, cosine, and ratio of norms."""

    relative_error: float
    cosine: float
    norm_ratio: float


@dataclass(frozen=True)
class References:
    """Find references: a program serves all seeds of a problem, a reference both of its precisions."""

    compiler: Compiler
    _programs: dict[Instance, Program] = field(default_factory=dict)
    _judgements: dict[Instance, Judgement] = field(default_factory=dict)

    def find(self, instance: Instance, inputs: Inputs) -> Judgement:
        """Compute the batch's reference in float64 and check it by central differences; remembered.

        Args:
            instance: in float64.
            inputs: its arrays.
        """
        if instance not in self._judgements:
            self._judgements[instance] = self._find(instance, inputs)
        return self._judgements[instance]

    def forget(self) -> None:
        """Drop programs and references."""
        self._programs.clear()
        self._judgements.clear()

    def _find(self, instance: Instance, inputs: Inputs) -> Judgement:
        template = lower_level(inputs, 0)
        rung, exists = reference_rung(template)
        if not exists:
            return Judgement(f"no reference: {rung}")
        directions = random_directions(template, DIRECTIONS, instance.seed, ("regularizer",))
        try:
            program = self._program(instance, inputs, directions)
            computed = jax.block_until_ready(program(inputs, directions))
        except OutOfMemory as error:
            return Judgement(f"no reference: out of memory ({error})")
        except BaseException as error:  # a plug-in's energy may raise anything
            return Judgement(f"no reference: computing it raised {failure_of(error)}")
        if np.any(computed.saddle):
            return _at_a_saddle(computed)
        untrusted = int(np.sum(~np.asarray(computed.trusted)))
        if untrusted:
            return Judgement(
                f"no reference: {untrusted} of {instance.batch} solutions could not be certified"
            )
        if np.any(computed.nonsmooth):
            return _on_a_kink(computed)
        gradient = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), computed.gradient)
        error = float(disagreement(gradient, directions, jnp.mean(computed.differences.central, axis=0)))
        if not error <= LARGEST_ERROR:
            return Judgement(f"no reference: central differences disagree with it by {error:.1e}")
        return Judgement(rung, flatten(gradient.regularizer), error)

    def _program(self, instance: Instance, inputs: Inputs, directions: LowerLevel) -> Program:
        key = replace(instance, seed=0)
        if key not in self._programs:
            name = f"reference of {instance.describe()}"
            self._programs[key] = self.compiler.compile_program(
                compute_references, inputs, directions, name=name
            )
        return self._programs[key]


def _on_a_kink(computed: Reference) -> Judgement:
    """Say how many solutions lie on a kink, with the derivatives of the first one from both sides."""
    where = np.flatnonzero(computed.nonsmooth)
    left, right = (
        np.asarray(side)[where[0]] for side in (computed.differences.left, computed.differences.right)
    )
    widest = int(np.argmax(np.abs(left - right)))
    sentence = (
        f"{where.size} of {np.size(computed.nonsmooth)} solutions lie on a kink; along a random direction "
        f"the first one's loss has the derivative {left[widest]:.4g} from the left and {right[widest]:.4g} "
        "from the right"
    )
    return Judgement(f"no reference: {sentence}", nonsmooth=sentence)


def _at_a_saddle(computed: Reference) -> Judgement:
    """Say how many solutions are saddle points, with the smallest eigenvalue among their Hessians."""
    assert computed.curvature is not None
    at = np.asarray(computed.saddle)
    worst = int(np.argmin(np.where(at, computed.curvature.smallest, np.inf)))
    smallest, largest = (float(np.asarray(end)[worst]) for end in computed.curvature)
    return Judgement(
        f"no reference: {int(np.sum(at))} of {at.size} solutions are saddle points; the smallest eigenvalue "
        f"of a Hessian is {smallest:.3g}, its largest {largest:.3g}"
    )


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


def flatten(tree: Any) -> Float64[np.ndarray, " parameters"]:
    """Return all leaves as one float64 vector."""
    return np.concatenate([np.asarray(leaf, np.float64).ravel() for leaf in jax.tree.leaves(tree)])
