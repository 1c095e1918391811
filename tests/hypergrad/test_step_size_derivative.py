"""Fixed points that depend on the step size: its derivative belongs to the hypergradient."""

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.hypergrad import (
    ForwardMode,
    Implicit,
    OneStep,
    Phantom,
    Restarted,
    Unrolled,
    disagreement,
    hypergradient,
    random_directions,
    reference,
)
from hypergrad_bench.problems import (
    Blur,
    Denoiser,
    Dense,
    LowerLevel,
    Mask,
    MaskedFourier,
    PlugAndPlay,
    pytree,
)
from hypergrad_bench.solvers import Anderson, Broyden, Budget, Gmres, Picard

pytestmark = pytest.mark.optimised

SHAPE = (6, 6)
TIGHT, EVERY_STEP = Budget(20_000, 1e-14, 10), Budget(600, 0.0)


@pytree
class Smoothing:
    """A denoiser that averages over neighbours and bends: no energy, and a prox that sees no step."""

    weights: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start with a lopsided average."""
        del shape, seed
        return cls(jnp.asarray([0.5, 0.25, 0.1]))

    def prox(self, x, step):
        """Average, and bend."""
        del step
        shifted = (x, jnp.roll(x, 1, axis=0), jnp.roll(x, 1, axis=-1))
        return jnp.tanh(sum(weight * one for weight, one in zip(self.weights, shifted, strict=True)))


def _normal(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _kernel() -> np.ndarray:
    return np.outer([0.2, 0.5, 0.3], [0.1, 0.6, 0.2]) + 0.05 * _normal((3, 3), 2)


def _mask() -> np.ndarray:
    mask = np.where(np.arange(36).reshape(SHAPE) % 3 == 0, 0.0, 1.0)
    return mask * (1 - 0.3 * np.random.default_rng(1).uniform(size=SHAPE))


OPERATORS = {
    "a kernel": (Blur(jnp.asarray(_kernel())), SHAPE),
    "a mask of different entries": (Mask(jnp.asarray(_mask())), SHAPE),
    "frequencies of different weights": (MaskedFourier(jnp.asarray(np.roll(_mask(), 1))), (*SHAPE, 2)),
    "a matrix": (Dense(jnp.asarray(_normal((9, 12), 3))), (9,)),
}


def _lower(name: str, regularizer=None) -> LowerLevel:
    A, shape = OPERATORS[name]
    y = A(jnp.asarray(_normal((12,) if name == "a matrix" else SHAPE, 4)))
    return LowerLevel(A, y + 0.1 * jnp.asarray(_normal(shape, 5)), regularizer or Smoothing.initial((), 0))


def _outer(x: jax.Array) -> jax.Array:
    return jnp.sum(jnp.square(x - 0.3)) + jnp.sum(jnp.sin(x))


@partial(jax.jit, static_argnums=(0, 1, 2))
def _gradient(method, solver, budget, lower):
    return hypergradient(method, solver, budget, lower, _outer).gradient


@partial(jax.jit, static_argnums=0)
def _value(step_scale: float, lower: LowerLevel) -> jax.Array:
    """The loss of a fixed point that is solved anew, by the map written out here and by Newton's method."""
    A, y, denoise = lower.A, lower.y, lower.regularizer.prox
    tau = step_scale / A.squared_norm(lower.shape)
    flat = lower.shape, int(np.prod(lower.shape))

    def advance(x):
        x = x.reshape(flat[0])
        return denoise(x - tau * A.adjoint(A(x) - y), tau).ravel()

    def newton(x, _):
        jacobian = jnp.eye(flat[1]) - jax.jacobian(advance)(x)
        return x - jnp.linalg.solve(jacobian, x - advance(x)), None

    x = jax.lax.fori_loop(0, 100, lambda _, x: advance(x), A.adjoint(y).ravel())
    x = jax.lax.scan(newton, x, length=5)[0]
    return _outer(x.reshape(flat[0]))


def _differences(
    lower: LowerLevel, direction: LowerLevel, step_scale: float = 1.0, step: float = 1e-3
) -> float:
    """Central differences, fourth order, of which halving the step changes nothing."""

    def at(h: float) -> float:
        return float(_value(step_scale, jax.tree.map(lambda leaf, d: leaf + h * d, lower, direction)))

    def slope(h: float) -> float:
        return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)

    coarse, fine = slope(step), slope(step / 2)
    assert abs(coarse - fine) <= 1e-7 * (1 + abs(fine))
    return fine


def _along(gradient: LowerLevel, direction: LowerLevel) -> float:
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True)
    return float(sum(jnp.vdot(leaf, d) for leaf, d in pairs))


def _directions(lower: LowerLevel) -> list[tuple[str, LowerLevel]]:
    return [
        (field, jax.tree.map(lambda leaf: leaf[0], random_directions(lower, 1, seed, (field,))))
        for field in ("A", "y", "regularizer")
        for seed in (0, 1)
    ]


RULES = {
    "Unrolled": (Unrolled(), Picard(), EVERY_STEP),
    "Unrolled, checkpoints": (Unrolled(checkpoint_every=20), Picard(), EVERY_STEP),
    "Unrolled, the last of Picard": (Unrolled(last=300), Picard(), EVERY_STEP),
    "Unrolled, the last of Anderson": (Unrolled(last=300), Anderson(), EVERY_STEP),
    "Unrolled, the last of Broyden": (Unrolled(last=300), Broyden(), EVERY_STEP),
    "ForwardMode": (ForwardMode(), Picard(), EVERY_STEP),
    "Restarted, Picard": (Restarted(layers=300), Picard(), EVERY_STEP),
    "Restarted, Anderson": (Restarted(layers=300), Anderson(), EVERY_STEP),
    "Implicit, Picard": (Implicit(Gmres(tolerance=1e-14), on="fixed-point"), Picard(), TIGHT),
    "Implicit, Anderson": (Implicit(Gmres(tolerance=1e-14), on="fixed-point"), Anderson(), TIGHT),
    "Implicit, Broyden": (Implicit(Gmres(tolerance=1e-14), on="fixed-point"), Broyden(), TIGHT),
    "Phantom, Picard": (Phantom(steps=600), Picard(), TIGHT),
    "Phantom, Broyden": (Phantom(steps=600), Broyden(), TIGHT),
}


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("rule", ["Implicit, Picard", "Unrolled"])
def test_operators_against_differences_of_problems_solved_anew(name, rule):
    lower = _lower(name)
    gradient = _gradient(*RULES[rule], lower)
    for field, direction in _directions(lower):
        assert _along(gradient, direction) == pytest.approx(
            _differences(lower, direction), rel=1e-7, abs=1e-9
        ), field


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_moves_the_step_size(rule):
    lower = _lower("a kernel")
    gradient = _gradient(*RULES[rule], lower)
    for field, direction in _directions(lower):
        assert _along(gradient, direction) == pytest.approx(
            _differences(lower, direction), rel=1e-7, abs=1e-9
        ), field


@pytest.mark.parametrize("solver", [Picard(0.4), Anderson(step_scale=0.4), Broyden(step_scale=0.4)], ids=repr)
def test_the_step_size_is_the_solvers_own(solver):
    lower = _lower("a kernel")
    gradient = _gradient(Implicit(Gmres(tolerance=1e-14), on="fixed-point"), solver, TIGHT, lower)
    for field, direction in _directions(lower):
        expected = _differences(lower, direction, 0.4)
        assert _along(gradient, direction) == pytest.approx(expected, rel=1e-7, abs=1e-9), field


@pytest.mark.parametrize("solver", [Picard(), Anderson(), Broyden()], ids=repr)
def test_one_step_moves_it_too(solver):
    """One step at the held solution, by differences of that step with the step size made anew."""
    lower = _lower("a kernel")
    found = jax.jit(lambda lower: hypergradient(OneStep(), solver, TIGHT, lower, _outer))(lower)
    x, cotangent = found.solution.x, jax.grad(_outer)(found.solution.x)

    def one_more(moved: LowerLevel) -> float:
        tau = 1 / moved.A.squared_norm(SHAPE)
        step = moved.regularizer.prox(x - tau * moved.A.adjoint(moved.A(x) - moved.y), tau)
        return float(jnp.vdot(cotangent, step))

    for field, direction in _directions(lower):
        ahead = one_more(jax.tree.map(lambda leaf, d: leaf + 1e-5 * d, lower, direction))
        behind = one_more(jax.tree.map(lambda leaf, d: leaf - 1e-5 * d, lower, direction))
        expected = (ahead - behind) / 2e-5
        assert _along(found.gradient, direction) == pytest.approx(expected, rel=1e-7, abs=1e-9), field


@partial(jax.jit, static_argnums=1)
def _reference(lower, count, directions):
    del count
    return reference(lower, _outer, directions)


@pytest.mark.parametrize("name", ["a kernel", "a matrix"])
def test_references_move_what_the_program_moves(name):
    lower = _lower(name)
    directions = random_directions(lower, 3, 0, ("A", "y", "regularizer"))
    found = _reference(lower, 3, directions)
    assert bool(found.trusted)
    assert not bool(found.nonsmooth)
    assert float(disagreement(found.gradient, directions, found.differences.central)) < 1e-6
    for index in range(3):
        direction = jax.tree.map(lambda leaf, index=index: leaf[index], directions)
        expected = _differences(lower, direction)
        assert _along(found.gradient, direction) == pytest.approx(expected, rel=1e-7)
        assert float(found.differences.central[index]) == pytest.approx(expected, rel=1e-6)


def test_a_shipped_denoiser():
    """The network itself, by its kernel, sigma, relaxation and one layer's weights."""
    regularizer = PlugAndPlay(Denoiser.shipped(SHAPE), jnp.asarray(0.8))
    lower = _lower("a kernel", regularizer)
    gradient = _gradient(Implicit(Gmres(tolerance=1e-14), on="fixed-point"), Anderson(), TIGHT, lower)
    for field, direction in _directions(lower):
        assert _along(gradient, direction) == pytest.approx(
            _differences(lower, direction, step=1e-4), rel=1e-6
        ), field
    directions = random_directions(lower, 2, 0, ("A", "regularizer"))
    found = _reference(lower, 2, directions)
    assert bool(found.trusted)
    assert float(disagreement(found.gradient, directions, found.differences.central)) < 1e-4


def test_a_mask_of_ones_is_a_kink():
    """The largest entry of a mask of zeros and ones is a maximum with ties: no derivative by the mask."""
    mask = jnp.asarray((_mask() > 0).astype(np.float64))
    A = Mask(mask)
    lower = LowerLevel(A, A(jnp.asarray(_normal(SHAPE, 4))), Smoothing.initial((), 0))
    for field, kink in (("A", True), ("regularizer", False), ("y", False)):
        directions = random_directions(lower, 2, 0, (field,))
        found = _reference(lower, 2, directions)
        assert bool(found.trusted)
        assert bool(found.nonsmooth) == kink, field
        one = jax.tree.map(lambda leaf: leaf[0], directions)
        right, left = (
            sign
            * (
                float(_value(1.0, jax.tree.map(lambda leaf, d, s=sign: leaf + s * 1e-6 * d, lower, one)))
                - float(_value(1.0, lower))
            )
            / 1e-6
            for sign in (1, -1)
        )
        assert (abs(right - left) > 1e-3 * abs(right)) == kink
        assert float(found.differences.right[0]) == pytest.approx(right, rel=1e-4, abs=1e-6)
        assert float(found.differences.left[0]) == pytest.approx(left, rel=1e-4, abs=1e-6)
        if kink:
            # What the rules return lies between the two: an element of the generalised derivative.
            gradient = _gradient(Implicit(Gmres(tolerance=1e-14), on="fixed-point"), Picard(), TIGHT, lower)
            assert min(left, right) <= _along(gradient, one) <= max(left, right)


@pytree
class Shrinking:
    """A quarter of a squared norm, known by its prox alone: a solution that no step size changes."""

    weight: jax.Array

    @classmethod
    def initial(cls, shape, seed):
        """Start at a half."""
        del shape, seed
        return cls(jnp.asarray(0.5))

    def prox(self, x, step):
        """Shrink."""
        return x / (1 + step * self.weight)


def test_of_a_genuine_prox_the_step_size_changes_nothing():
    """The closed form (A^T A + weight)^{-1} A^T y, differentiated by hand."""
    matrix, weight = _normal((9, 12), 3), 0.5
    lower = LowerLevel(Dense(jnp.asarray(matrix)), jnp.ones(9), Shrinking(jnp.asarray(weight)))
    H = matrix.T @ matrix + weight * np.eye(12)
    x = np.linalg.solve(H, matrix.T @ np.ones(9))
    v = np.linalg.solve(H, 2 * (x - 0.3) + np.cos(x))
    by_matrix = np.outer(np.ones(9) - matrix @ x, v) - np.outer(matrix @ v, x)
    for rule in ("Implicit, Picard", "Unrolled"):
        method, solver, budget = RULES[rule]
        budget = dataclasses.replace(budget, max_steps=5000)
        gradient = _gradient(method, solver, budget, lower)
        np.testing.assert_allclose(gradient.A.matrix, by_matrix, rtol=1e-8, atol=1e-10)
        np.testing.assert_allclose(gradient.y, matrix @ v, rtol=1e-8, atol=1e-10)
        assert float(gradient.regularizer.weight) == pytest.approx(-v @ x, rel=1e-8)
