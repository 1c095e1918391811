"""What a hard problem is: a family of lower levels, to be differentiated at one point."""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ....problems import AnalysisL1, LowerLevel
from ....solvers import Budget

TruthKind = Literal["smooth", "certified", "reduced", "right", "split", "hinge", "zero"]
See = Callable[[Float[Array, "..."]], Float[Array, "..."]]
"""From x to what a loss sees."""
Family = Callable[[Float[Array, " p"]], LowerLevel]
"""From theta to the lower level."""


def everything(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Return x: what most losses see."""
    return x


class FamilyInDtype(NamedTuple):
    """A family in a precision; its path stays in float64: the problem is rounded, not the way it moves."""

    moved: Family
    dtype: str

    def __call__(self, theta: Float[Array, " p"]) -> LowerLevel:
        """Return the lower level at theta."""
        return jax.tree.map(lambda leaf: leaf.astype(self.dtype), self.moved(theta.astype(jnp.float64)))


class Challenge(NamedTuple):
    """A family of lower levels, theta -> lower(theta), to be differentiated at theta = 0.

    Attributes:
        name: of the problem.
        why: what is hard, a sentence.
        family: from theta to the lower level.
        size: how many entries theta has.
        target: what the mean squared error of what the loss sees is measured against.
        truth: how the derivative is known, see `true_derivative`.
        budget: of solvers with a stopping rule.
        steps: of rules that use every step.
        scale: factor of the loss.
        dtype: in which methods meet it; families and truths are in float64.
        base: the problem whose truth it shares; its own if empty.
        see: from x to what the loss sees.
    """

    name: str
    why: str
    family: Family
    size: int
    target: Float[Array, "..."]
    truth: TruthKind
    budget: Budget = Budget(20_000, 1e-10, 20)
    steps: int = 2000
    scale: float = 1.0
    dtype: str = "float64"
    base: str = ""
    see: See = everything

    @property
    def smooth(self) -> bool:
        """Whether the energy is."""
        return not isinstance(self.family(jnp.zeros(self.size)).regularizer, AnalysisL1)

    def lower(self, theta: Float[Array, " p"]) -> LowerLevel:
        """Return the lower level at theta, in this problem's precision."""
        return FamilyInDtype(self.family, self.dtype)(theta)

    def loss(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Return the scaled mean squared error."""
        return self.scale * jnp.mean(jnp.square(self.see(x) - self.target.astype(x.dtype)))


def along(lower: LowerLevel, count: int) -> Family:
    """Return the family that moves a regulariser's parameters along `count` random directions."""
    generator = np.random.default_rng(9)
    directions = [
        jnp.asarray(generator.normal(size=(count, *leaf.shape)) * 0.1, leaf.dtype)
        for leaf in jax.tree.leaves(lower.regularizer)
    ]
    leaves, structure = jax.tree.flatten(lower.regularizer)

    def family(theta: Array) -> LowerLevel:
        moved = [leaf + jnp.tensordot(theta, d, 1) for leaf, d in zip(leaves, directions, strict=True)]
        return lower.replace(regularizer=structure.unflatten(moved))

    return family


def in_float32(challenge: Challenge) -> Challenge:
    """Round a problem to float32, with the tolerance that solvers reach there; its truth stays."""
    budget = Budget(challenge.budget.max_steps, 3e-6, challenge.budget.check_every)
    return challenge._replace(budget=budget, dtype="float32", base=challenge.name)
