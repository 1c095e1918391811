"""The lower level: its energy against numpy, its constructor, and the vocabulary in which it is used."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from operators_by_hand import correlate_by_hand

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.problems import (
    AnalysisL1,
    Dense,
    FieldsOfExperts,
    FilterBank,
    Identity,
    LowerLevel,
    Mask,
)

N = 12


def _normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def _denoising(y: np.ndarray) -> LowerLevel:
    return LowerLevel(Identity(), jnp.asarray(y), AnalysisL1.initial((y.size,), 0))


def test_energy_and_data_gradient_of_an_operator_that_changes_the_shape():
    matrix, analysis, y, x = _normal(0, 3, 5), _normal(1, 4, 5), _normal(2, 3), _normal(3, 5)
    regularizer = AnalysisL1(Dense(jnp.asarray(analysis)), jnp.asarray(0.3))
    lower = LowerLevel(Dense(jnp.asarray(matrix)), jnp.asarray(y), regularizer)
    assert lower.shape == (5,)
    residual = matrix @ x - y
    expected = 0.5 * residual @ residual + 0.3 * np.abs(analysis @ x).sum()
    assert float(lower.value(jnp.asarray(x))) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(lower.data_gradient(jnp.asarray(x)), matrix.T @ residual, atol=1e-13)


def test_gradient_of_a_smooth_energy_is_the_derivative_of_its_value():
    mask, x, y = (_normal(0, 5, 6) > 0).astype(float), _normal(1, 5, 6), _normal(2, 5, 6)
    filters = _normal(3, 2, 3, 3)
    regularizer = FieldsOfExperts(jnp.asarray(filters), jnp.asarray([0.5, 0.1]))
    lower = LowerLevel(Mask(jnp.asarray(mask)), jnp.asarray(y), regularizer)
    np.testing.assert_allclose(
        lower.gradient(jnp.asarray(x)), jax.grad(lower.value)(jnp.asarray(x)), atol=1e-13
    )
    responses = correlate_by_hand(filters, x, "circular")
    energy = 0.01 * (np.sqrt(1 + (responses / 0.1) ** 2) - 1).sum(axis=(1, 2))
    expected = 0.5 * np.square(mask * x - y).sum() + 0.5 * energy[0] + 0.1 * energy[1]
    assert float(lower.value(jnp.asarray(x))) == pytest.approx(expected, rel=1e-12)


def test_replace_changes_one_part_and_checks_it():
    lower = _denoising(_normal(0, N))
    other = lower.replace(y=jnp.zeros(N))
    assert other.regularizer is lower.regularizer
    assert float(jnp.sum(jnp.abs(other.y))) == 0
    with pytest.raises(ValueError, match=r"needs signals of shape \(12,\); got \(11,\)"):
        lower.replace(y=jnp.zeros(N - 1))


def test_an_l1_energy_has_no_gradient():
    lower = _denoising(_normal(0, N))
    with pytest.raises(TypeError, match="AnalysisL1 has no gradient: it is not smooth"):
        lower.gradient(lower.y)


def _l1(columns: int) -> AnalysisL1:
    return AnalysisL1(Dense(jnp.ones((2, columns))), jnp.asarray(0.1))


WRONG = {
    "W of the wrong width": (
        lambda: LowerLevel(Identity(), jnp.ones(5), _l1(4)),
        ValueError,
        r"a matrix of shape \(2, 4\) needs signals of shape \(4,\); got \(5,\)",
    ),
    "NaN in y": (
        lambda: LowerLevel(Identity(), jnp.asarray([1.0, jnp.nan, jnp.inf]), _l1(3)),
        ValueError,
        r"y must be finite; 2 of its 3 entries are NaN or infinite, the first at index \(1,\)",
    ),
    "an integer y": (
        lambda: LowerLevel(Identity(), jnp.arange(3), _l1(3)),
        TypeError,
        "y must be a floating-point array, since it can be differentiated; got dtype int64",
    ),
    "a list as y": (
        lambda: LowerLevel(Identity(), [1.0, 2.0], _l1(2)),
        TypeError,
        "y must be an array; got list",
    ),
    "a mask of the wrong shape": (
        lambda: LowerLevel(Mask(jnp.ones(4)), jnp.ones(3), _l1(3)),
        ValueError,
        r"mask must have the signal's shape \(3,\); got \(4,\)",
    ),
    "a kernel larger than the image": (
        lambda: LowerLevel(
            problems.Blur(jnp.ones((7, 3))),
            jnp.ones((6, 6)),
            AnalysisL1(FilterBank(jnp.ones((1, 3, 3))), 0.1),
        ),
        ValueError,
        r"kernel of shape \(7, 3\) does not fit a signal of shape \(6, 6\)",
    ),
    "an image smaller than the filters": (
        lambda: LowerLevel(Identity(), jnp.ones((4, 4)), AnalysisL1(FilterBank(jnp.ones((1, 5, 5))), 0.1)),
        ValueError,
        r"filters of 5 x 5 need an image \(h, w\) or \(h, w, 3\) at least as large; got \(4, 4\)",
    ),
    "filters on a signal": (
        lambda: LowerLevel(Identity(), jnp.ones(9), AnalysisL1(FilterBank(jnp.ones((1, 3, 3))), 0.1)),
        ValueError,
        r"filters of 3 x 3 need an image \(h, w\)",
    ),
    "a measurement of the wrong length": (
        lambda: LowerLevel(Dense(jnp.ones((3, 5))), jnp.ones(4), _l1(5)),
        ValueError,
        r"a matrix of shape \(3, 5\) needs the range of shape \(3,\); got \(4,\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()


def _float32(tree):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree)


EXPERTS = FieldsOfExperts.initial((6, 6), 0)
DTYPES = {
    "a float32 image, a float64 start": (
        lambda: LowerLevel(Identity(), jnp.ones((6, 6), jnp.float32), EXPERTS),
        "float32: y; float64: regularizer.filters, regularizer.weights. To convert a tree: jax.tree.map",
    ),
    "a float64 kernel": (
        lambda: LowerLevel(problems.Blur(jnp.ones((3, 3))), *_float32((jnp.ones((6, 6)), EXPERTS))),
        r"float64: A\.kernel; float32: y, regularizer\.filters, regularizer\.weights\.",
    ),
    "a network": (
        lambda: LowerLevel(
            Identity(), jnp.ones((6, 6), jnp.float32), problems.GradientStep.initial((6, 6), 0)
        ),
        r"float64: regularizer\.denoiser\.parameters\..* and 14 more",
    ),
    "float16": (
        lambda: LowerLevel(*jax.tree.map(lambda leaf: leaf.astype(jnp.float16), _parts())),
        "must be float32 or all float64; got float16: y, regularizer.W.matrix",
    ),
    "bfloat16 and float32": (
        lambda: LowerLevel(Identity(), jnp.ones(3, jnp.bfloat16), _float32(_l1(3))),
        "got bfloat16: y; float32: regularizer",
    ),
}


def _parts():
    return Identity(), jnp.ones(3), _l1(3)


@pytest.mark.parametrize(("build", "message"), DTYPES.values(), ids=DTYPES)
def test_leaves_of_two_precisions_are_named(build, message):
    """Inside `jit` as well, where shapes and dtypes are known."""
    with pytest.raises(TypeError, match=message):
        build()
    with pytest.raises(TypeError, match=message):
        jax.eval_shape(build)


def test_a_tree_that_was_cast_meets_a_solver():
    lower = jax.tree.map(lambda leaf: leaf.astype(jnp.float16), _denoising(_normal(0, N)))
    with pytest.raises(TypeError, match=r"all arrays of a solve must be .*got float16: lower\.y"):
        solvers.solve(solvers.DualFista(), solvers.Budget(), lower)


@pytest.mark.usefixtures("as_users_run")
def test_numbers_and_numpy_arrays_take_the_others_dtype():
    """A Python number, weakly typed ones inside `jax.grad`, arrays of numpy; the gradient stays float32."""
    matrix, y = np.asarray(_normal(0, 4, 5), np.float32), np.asarray(_normal(1, 5), np.float32)

    def lower(weight):
        return LowerLevel(Identity(), y, AnalysisL1(Dense(matrix), weight))

    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(lower(0.3)))

    def loss(weight):
        assert {leaf.dtype.name for leaf in jax.tree.leaves(lower(weight))} == {"float32"}
        solution = hypergrad.ClosedForm()(solvers.DualFista(), BUDGET, lower(weight))
        return jnp.sum(jnp.square(solution.x))

    slope, ahead, behind = jax.jit(jax.grad(loss))(0.3), loss(0.3 + 1e-2), loss(0.3 - 1e-2)
    assert float(slope) == pytest.approx(float(ahead - behind) / 2e-2, rel=1e-2)


BUDGET = solvers.Budget(500, 1e-6)


@pytest.mark.usefixtures("as_users_run")
def test_axes_of_a_lower_level():
    """A tree of axes for `in_axes`, a batch with such axes, and solves that are those of a loop."""
    lower, ys = _denoising(_normal(0, N)), jnp.asarray(_normal(1, 2, N))
    axes = jax.tree.map(lambda _: None, lower).replace(y=0)
    batch = jax.vmap(lambda y: lower.replace(y=y), out_axes=axes)(ys)
    assert batch.y.shape == (2, N)
    assert batch.regularizer.weight.shape == ()

    def run(lower):
        return solvers.solve(solvers.DualFista(), BUDGET, lower).x

    together = jax.jit(jax.vmap(run, in_axes=(axes,)))(batch)
    alone = jax.jit(run)
    for x, y in zip(together, ys, strict=True):
        np.testing.assert_allclose(x, alone(lower.replace(y=y)), atol=1e-12)
    assert LowerLevel(None, 0, None).y == 0
    with pytest.raises(TypeError, match="y must be an array; got int"):
        lower.replace(y=0)


class Vocabulary:
    """The program that the package's documentation shows, with a count of how often it is traced."""

    def __init__(self) -> None:
        self.traces = 0
        self.step = jax.jit(jax.value_and_grad(self.outer))
        self.truth = jnp.asarray(problems.PiecewiseConstant().sample((N,), 1, 1)[0])

    def outer(self, lower: LowerLevel) -> jax.Array:
        """Measure how far the solution is from the truth."""
        self.traces += 1
        solution = hypergrad.ClosedForm()(solvers.DualFista(), solvers.Budget(2000, 1e-12), lower)
        return jnp.mean((solution.x - self.truth) ** 2)


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    """Share one compiled program."""
    return Vocabulary()


def test_the_gradient_by_a_regularizer_is_a_regularizer(vocabulary):
    lower = _denoising(_normal(1, N))

    def outer(regularizer: AnalysisL1) -> jax.Array:
        return vocabulary.outer(lower.replace(regularizer=regularizer))

    value, gradient = jax.jit(jax.value_and_grad(outer))(lower.regularizer)
    assert isinstance(gradient, AnalysisL1)
    assert isinstance(gradient.W, Dense)
    assert gradient.W.matrix.shape == (N - 1, N)
    assert gradient.weight.shape == ()
    stepped = jax.tree.map(lambda leaf, slope: leaf - 1e-3 * slope, lower.regularizer, gradient)
    assert float(outer(stepped)) < float(value)


def test_every_leaf_is_differentiable_and_new_data_are_not_traced_again(vocabulary):
    vocabulary.step(_denoising(_normal(2, N)))
    traces = vocabulary.traces
    values = []
    for seed in range(3, 6):
        value, gradient = vocabulary.step(_denoising(_normal(seed, N)))
        values.append(float(value))
        assert isinstance(gradient, LowerLevel)
        assert all(float(jnp.sum(jnp.abs(leaf))) > 0 for leaf in jax.tree.leaves(gradient))
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(gradient))
    assert len(set(values)) == 3
    assert vocabulary.traces == traces


def test_batches_of_measurements_map_over_y(vocabulary):
    lowers = [_denoising(_normal(seed, N)) for seed in range(4)]
    ys = jnp.stack([lower.y for lower in lowers])
    batched = jax.jit(jax.vmap(lambda y: jax.grad(vocabulary.outer)(lowers[0].replace(y=y))))(ys)
    for index, lower in enumerate(lowers):
        alone = vocabulary.step(lower)[1]
        for left, right in zip(jax.tree.leaves(batched), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(left[index], right, atol=1e-10)


class Scaling:
    """A plug-in operator: multiplies by a number of its class, which a notebook may change."""

    factor = 2.0

    def __call__(self, x):
        """Multiply."""
        return self.factor * x

    adjoint = __call__

    def squared_norm(self, shape):
        """Square the number."""
        del shape
        return self.factor**2


jax.tree_util.register_static(Scaling)


def test_a_plug_in_that_changes_is_seen(monkeypatch):
    """What is jitted for all programs together calls no plug-in: it would go on with the first method."""
    lower = _denoising(_normal(3, N)).replace(A=Scaling())
    x = jnp.asarray(_normal(4, N))
    u = jnp.zeros_like(lower.regularizer.W(x))

    def told():
        return lower.data_gradient(x), solvers.kkt_residual(lower, x, u), solvers.PrimalDual().init(lower).x

    before = told()
    monkeypatch.setattr(Scaling, "factor", 3.0)
    for old, new in zip(before, told(), strict=True):
        assert not np.allclose(old, new)
