"""Small lower levels that are hard to differentiate, each for one known reason."""

import functools
from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...problems import (
    AnalysisL1,
    Blur,
    Deconvolution,
    Denoising,
    Dense,
    FieldsOfExperts,
    Identity,
    Inpainting,
    Lorentzian,
    LowerLevel,
    Photographs,
    PiecewiseConstant,
    Task,
    measure,
)
from ...solvers import Budget

CONTROLS = ("smooth control", "l1 control")

Truth = Literal["smooth", "certified", "reduced", "hinge", "zero"]


class Family(NamedTuple):
    """A family in a precision; its path stays in float64: the problem is rounded, not the way it moves."""

    moved: Callable[[Array], LowerLevel]
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
        target: what the mean squared error of x is measured against.
        truth: how the derivative is known, see `stress_truth`.
        budget: of solvers with a stopping rule.
        steps: of rules that use every step.
        scale: factor of the loss.
        dtype: in which methods meet it; families and truths are in float64.
        base: the problem whose truth it shares; its own if empty.
    """

    name: str
    why: str
    family: Callable[[Array], LowerLevel]
    size: int
    target: Float[Array, "..."]
    truth: Truth
    budget: Budget = Budget(20_000, 1e-10, 20)
    steps: int = 2000
    scale: float = 1.0
    dtype: str = "float64"
    base: str = ""

    @property
    def smooth(self) -> bool:
        """Whether the energy is."""
        return self.truth == "smooth"

    def lower(self, theta: Float[Array, " p"]) -> LowerLevel:
        """Return the lower level at theta, in this problem's precision."""
        return Family(self.family, self.dtype)(theta)

    def loss(self, x: Float[Array, "..."]) -> Float[Array, ""]:
        """Return the scaled mean squared error."""
        return self.scale * jnp.mean(jnp.square(x - self.target.astype(x.dtype)))


@functools.cache
def challenges() -> tuple[Challenge, ...]:
    """Make all of them; the first of each kind is the control, where nothing is hard."""
    smooth = _experts("smooth control", "nothing: fields of experts, denoising, 6 x 6", Denoising())
    blur = Deconvolution(size=5, width=1.5, noise=0.01)
    flat = _experts("flat energy", "deconvolution stopped at a residual of 1e-4", blur, weight=1e-3)
    few = smooth._replace(
        name="few steps",
        why="five steps of the solver",
        budget=Budget(5, 1e-10, 5),
        steps=5,
        base=smooth.name,
    )
    single = _in_float32(smooth)._replace(name="float32", why="the same, in float32, tolerance 3e-6")
    tiny = smooth._replace(name="tiny loss", why="the loss times 1e-200", scale=1e-200, base=smooth.name)
    tiny32 = single._replace(name="tiny loss, float32", why="the loss times 1e-25", scale=1e-25)
    l1 = _l1("l1 control", "nothing: l1 denoising, n = 12", Denoising())
    inpainting = _l1("l1 inpainting", "an iterate stopped at a residual of 1e-4", Inpainting(), length=32)
    zero = _weighted("l1, x* = 0", "a weight of 10 on every entry: x* = 0", np.eye(6), 10.0)
    return (
        smooth,
        _unseen(),
        _saddle(),
        few,
        flat._replace(budget=Budget(20_000, 1e-4, 1), steps=300),
        single,
        _in_float32(flat)._replace(
            name="flat energy, float32", why="deconvolution in float32, tolerance 3e-6"
        ),
        tiny,
        tiny32,
        _heavy(smooth),
        l1,
        _unseen_l1(),
        total_variation(),
        _hinge(),
        inpainting._replace(budget=Budget(20_000, 1e-4, 1), steps=300),
        _in_float32(l1)._replace(name="l1, float32", why="the same, in float32, tolerance 3e-6"),
        l1._replace(name="l1, tiny loss", why="the loss times 1e-200", scale=1e-200, base=l1.name),
        _in_float32(l1)._replace(name="l1, tiny loss, float32", why="the loss times 1e-25", scale=1e-25),
        inpainting._replace(
            name="l1 inpainting, tiny loss", why="the loss times 1e-200", scale=1e-200, base=inpainting.name
        ),
        zero,
        _weighted(
            "l1, W x* = 0", "a weight of 10 on differences: x* is the mean", np.diff(np.eye(6), axis=0), 10.0
        ),
    )


def along(lower: LowerLevel, count: int) -> Callable[[Array], LowerLevel]:
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


def _experts(name: str, why: str, task: Task, weight: float = 0.2) -> Challenge:
    truth = Photographs().sample((6, 6), 1, 0)
    A, y = measure(task, truth, 0)
    filters = FieldsOfExperts.initial((6, 6), 0).filters[:3]
    experts = FieldsOfExperts(filters, jnp.full(3, weight))
    return Challenge(name, why, along(LowerLevel(A, y[0], experts), 3), 3, jnp.asarray(truth[0]), "smooth")


def _l1(name: str, why: str, task: Task, length: int = 12) -> Challenge:
    truth = PiecewiseConstant().sample((length,), 1, 0)
    A, y = measure(task, truth, 0)
    lower = LowerLevel(A, y[0], AnalysisL1.initial((length,), 0))
    return Challenge(name, why, along(lower, 3), 3, jnp.asarray(truth[0]), "certified")


def _unseen() -> Challenge:
    """Neither A (a derivative filter) nor the experts see a constant; theta moves the weights alone."""
    truth = jnp.asarray(Photographs().sample((6, 6), 1, 0)[0])
    A = Blur(jnp.asarray([[0.0, -1.0, 0.0], [0.0, 2.0, -1.0], [0.0, 0.0, 0.0]]))
    filters = FieldsOfExperts.initial((6, 6), 0).filters[:3]
    filters = filters - jnp.mean(filters, axis=(1, 2), keepdims=True)
    y = A(truth) + 0.05 * jnp.asarray(np.random.default_rng(2).normal(size=(6, 6)))

    def family(theta: Array) -> LowerLevel:
        return LowerLevel(A, y, FieldsOfExperts(filters, jnp.full(3, 0.2) + theta))

    why = "constants are invisible to A and to the regulariser, and the loss sees them"
    return Challenge("non-unique x*", why, family, 3, truth, "smooth")


def _saddle() -> Challenge:
    """Constant images are a symmetric critical point; alternating ones descend from it.

    With the filter (1, -2) and the response r = -a of a constant a, phi''(r) = -1/4 at a = sqrt(3) scale, so
    that the Hessian's eigenvalues 1 + w phi'' |f^|^2 are 0.85 for constants and -0.35 for stripes. theta
    moves the weight and stripes of y.
    """
    potential = Lorentzian(scale=0.1)
    a, weight = 0.1 * 3**0.5, 0.6
    kernel = jnp.asarray([[[0.0, 0.0, 0.0], [0.0, 1.0, -2.0], [0.0, 0.0, 0.0]]])
    stripes = jnp.tile(jnp.asarray([1.0, -1.0]), (4, 2))
    y = jnp.full((4, 4), a + weight * float(potential.derivative(jnp.asarray(a))))
    target = y + 0.1 * jnp.asarray(np.random.default_rng(3).normal(size=(4, 4)))

    def family(theta: Array) -> LowerLevel:
        experts = FieldsOfExperts(kernel, weight + theta[:1], potential)
        return LowerLevel(Identity(), y + theta[1] * stripes, experts)

    why = "a nonconvex energy whose symmetric critical point is a saddle: the adjoint iteration expands"
    return Challenge("saddle", why, family, 2, target, "smooth", Budget(20_000, 1e-8, 20), 400)


def _heavy(smooth: Challenge) -> Challenge:
    family = smooth.family

    def heavier(theta: Array) -> LowerLevel:
        lower = family(theta)
        experts = lower.regularizer
        assert isinstance(experts, FieldsOfExperts)
        return lower.replace(regularizer=FieldsOfExperts(experts.filters, 1e3 * experts.weights))

    return smooth._replace(
        name="huge weight", why="weights of 200: the Hessian is badly conditioned", family=heavier
    )


def _unseen_l1() -> Challenge:
    """Neither A nor W sees a constant; theta moves one weight a row."""
    generator = np.random.default_rng(4)
    matrix = generator.normal(size=(8, 10)) / 3
    A = Dense(jnp.asarray(matrix - matrix.mean(axis=1, keepdims=True)))
    target = jnp.asarray(np.repeat([0.2, 0.9, 0.4], [3, 4, 3]))
    y = A(target) + 0.05 * jnp.asarray(generator.normal(size=8))
    W = Dense(jnp.asarray(np.diff(np.eye(10), axis=0)))

    def family(theta: Array) -> LowerLevel:
        return LowerLevel(A, y, AnalysisL1(W, 0.05 + jnp.concatenate([theta, jnp.zeros(6)])))

    why = "constants are invisible to A and to W, and the loss sees them"
    return Challenge("l1, non-unique x*", why, family, 3, target, "reduced")


def total_variation() -> Challenge:
    """Two-dimensional total variation: dependent active rows; theta moves the entries of W."""
    rows = np.diff(np.eye(4), axis=0)
    matrix = np.concatenate([np.kron(np.eye(4), rows), np.kron(rows, np.eye(4))])
    truth = np.random.default_rng(0).normal(size=16) * 0.05
    truth = truth + np.kron([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0])
    lower = LowerLevel(
        Identity(), jnp.asarray(truth), AnalysisL1(Dense(jnp.asarray(matrix)), jnp.asarray(0.1))
    )
    target = jnp.asarray(truth + 0.1 * np.random.default_rng(1).normal(size=16))
    why = "two-dimensional total variation, 4 x 4: dependent active rows"
    return Challenge("kink: total variation", why, along(lower, 3), 3, target, "certified")


def _hinge() -> Challenge:
    """x1 and x2 merge at a weight of exactly 1/2; theta moves the weight."""

    def family(theta: Array) -> LowerLevel:
        W = Dense(jnp.asarray([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
        weight = jnp.asarray([0.5, 0.25]) + jnp.stack([theta[0], jnp.zeros(())])
        return LowerLevel(Identity(), jnp.asarray([1.0, 0.25, -2.0]), AnalysisL1(W, weight))

    why = "two values merge exactly at this weight: the derivatives from both sides differ"
    return Challenge("kink: merging values", why, family, 1, jnp.asarray([1.0, 0.0, -1.5]), "hinge")


def _weighted(name: str, why: str, matrix: np.ndarray, weight: float) -> Challenge:
    generator = np.random.default_rng(5)
    y = jnp.asarray(generator.normal(size=matrix.shape[1]))

    def family(theta: Array) -> LowerLevel:
        return LowerLevel(Identity(), y, AnalysisL1(Dense(jnp.asarray(matrix)), weight + theta[0]))

    return Challenge(name, why, family, 1, y, "zero")


def _in_float32(challenge: Challenge) -> Challenge:
    budget = Budget(challenge.budget.max_steps, 3e-6, challenge.budget.check_every)
    return challenge._replace(budget=budget, dtype="float32", base=challenge.name)


def named(name: str) -> Challenge:
    """Return a problem by name."""
    return next(one for one in challenges() if one.name == name)
