"""Ridge regularisers against sums in numpy, and their weight files."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
import scipy.signal

from hypergrad_bench.problems import (
    ConvexRidge,
    ConvolutionChain,
    Identity,
    LowerLevel,
    PreparedRegularizer,
    WeaklyConvexRidge,
)
from hypergrad_bench.problems.arrays.largest_eigenvalue import largest_eigenvalue
from hypergrad_bench.problems.operators.convolution_chain import initial_chain
from hypergrad_bench.solvers import Budget, Lbfgs, Nesterov, solve

COUNTS, SIZE, SHAPE = (2, 3, 8), 3, (7, 6)
BOTH = pytest.mark.parametrize(("cls", "weak"), [(ConvexRidge, 0.0), (WeaklyConvexRidge, 1.0)])


def _banks() -> list[np.ndarray]:
    chain = initial_chain(4, COUNTS, SIZE)
    return [np.asarray(bank) for bank in (chain.first, chain.second, chain.third)]


def _ridge(cls):
    return cls(
        alpha=jnp.asarray(0.3),
        scale=jnp.asarray(-0.2),
        beta=jnp.asarray(1.1),
        scaling=jnp.linspace(-0.5, 2.0, COUNTS[-1]),
        W=ConvolutionChain(*map(jnp.asarray, _banks())),
    )


def _stages(x: np.ndarray) -> np.ndarray:
    """The three correlations, each cut at the border, channel by channel."""
    first, second, third = _banks()
    maps = [x]
    for bank in (first - first.mean(axis=(1, 2, 3), keepdims=True), second, third):
        maps = [
            sum(scipy.signal.correlate2d(m, f, mode="same") for m, f in zip(maps, filters, strict=True))
            for filters in bank
        ]
    return np.stack(maps)


def _normalization() -> float:
    """The largest value of the spectrum of W^T W without a border: on a grid that is much larger than W."""
    impulse = np.zeros((256, 256))
    impulse[128, 128] = 1
    spectra = np.fft.fft2(_stages(impulse))
    return float(np.max(np.sum(np.abs(spectra) ** 2, axis=0)))


def _energy(x: np.ndarray, ridge, weak: float) -> float:
    def huber(t):
        return np.where(np.abs(t) <= 1, t**2 / 2, np.abs(t) - 0.5)

    c = np.asarray(ridge.scaling)[:, None, None]
    t = _stages(np.exp(float(ridge.scale)) * x) / np.sqrt(_normalization())
    beta = float(ridge.beta)
    potential = np.exp(-beta) * huber(np.exp(beta + c) * t) - weak * huber(np.exp(c) * t)
    return np.exp(float(ridge.alpha) - 2 * float(ridge.scale)) * np.sum(np.exp(-2 * c) * potential)


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return np.random.default_rng(0).normal(size=SHAPE)


@BOTH
def test_the_energy_is_the_sum_its_docstring_says(cls, weak, image):
    ridge = _ridge(cls)
    assert float(ridge.value(jnp.asarray(image))) == pytest.approx(_energy(image, ridge, weak), rel=1e-12)


@BOTH
def test_the_gradient_is_that_of_the_energy(cls, weak, image):
    del weak
    ridge, x = _ridge(cls), jnp.asarray(image)
    np.testing.assert_allclose(ridge.gradient(x), jax.grad(ridge.value)(x), rtol=0, atol=1e-12)


def test_normalization_is_the_largest_gain_without_a_border():
    chain = ConvolutionChain(*map(jnp.asarray, _banks()))
    assert float(chain.normalization()) == pytest.approx(_normalization(), rel=1e-12)


def test_scaling_a_bank_changes_nothing():
    chain = initial_chain(0, COUNTS, SIZE)
    x = jnp.asarray(np.random.default_rng(1).normal(size=SHAPE))
    other = ConvolutionChain(3 * chain.first + 0.7, chain.second, -0.1 * chain.third)
    np.testing.assert_allclose(other(x), -chain(x), atol=1e-14)


@BOTH
def test_a_prepared_ridge_is_the_same_energy_and_differentiates_alike(cls, weak, image):
    del weak
    ridge, x = _ridge(cls), jnp.asarray(image)

    def energy(ridge):
        return jnp.vdot(ridge.gradient(x), jnp.cos(x)) + ridge.value(x)

    def prepared_energy(ridge):
        return energy(ridge.prepared())

    assert isinstance(ridge, PreparedRegularizer)
    assert float(energy(ridge.prepared().prepared())) == pytest.approx(float(energy(ridge)), rel=1e-12)
    jax.tree.map(
        lambda found, wanted: np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-11),
        jax.jit(jax.grad(prepared_energy))(ridge),
        jax.jit(jax.grad(energy))(ridge),
    )
    shape = x.shape
    assert float(ridge.prepared().lipschitz(shape)) == pytest.approx(float(ridge.lipschitz(shape)), rel=1e-9)


@pytest.mark.parametrize("solver", [Nesterov(), Lbfgs()], ids=repr)
def test_a_solve_normalises_its_filters_once(solver, image):
    """No transform of the filters is left in the loop of steps."""
    lower = LowerLevel(Identity(), jnp.asarray(image), _ridge(ConvexRidge))
    program = jax.make_jaxpr(lambda lower: solve(solver, Budget(5), lower).x)(lower)
    assert "fft" in str(program)
    assert not any("fft" in str(body) for body in _loops(program.jaxpr))


def _loops(program) -> list:
    """The bodies of all loops of a program, of those within its other parts too."""
    found = []
    for equation in program.eqns:
        parts = jax.tree.leaves(
            list(equation.params.values()),
            is_leaf=lambda part: hasattr(part, "eqns") or hasattr(part, "jaxpr"),
        )
        for part in parts:
            inner = getattr(part, "jaxpr", part)
            if hasattr(inner, "eqns"):
                found += [inner] if equation.primitive.name in ("while", "scan") else _loops(inner)
    return found


def test_the_chain_s_norm_is_bounded_closely():
    chain = initial_chain(0, COUNTS, SIZE)
    columns = jax.vmap(chain)(jnp.eye(42).reshape(42, *SHAPE)).reshape(42, -1)
    truth = float(np.linalg.norm(np.asarray(columns), 2)) ** 2
    assert truth <= float(chain.squared_norm(SHAPE)) <= truth / 0.849


@pytest.mark.parametrize("eigenvalues", [np.arange(1.0, 401), np.ones(5), [1.0, 0.0, 0.0], np.zeros(4)])
def test_the_largest_eigenvalue_is_bounded(eigenvalues):
    """From 400 different ones to fewer than the steps."""
    eigenvalues = jnp.asarray(eigenvalues)
    bound = float(largest_eigenvalue(lambda x: eigenvalues * x, eigenvalues))
    truth = float(jnp.max(eigenvalues))
    assert truth <= bound <= truth / 0.849


@BOTH
def test_curvature_lies_between_its_bounds(cls, weak, image):
    """CRR is convex; WCRR's curvature is at least -exp(alpha) ||W||^2, and negative somewhere."""
    ridge = _ridge(cls)
    hessian = jax.jit(jax.jacfwd(ridge.gradient))
    values = np.concatenate(
        [
            np.linalg.eigvalsh(np.asarray(hessian(scale * jnp.asarray(image))).reshape(42, 42))
            for scale in (0.01, 0.3, 5.0)
        ]
    )
    assert values.max() <= float(ridge.lipschitz(SHAPE))
    lowest = -weak * np.exp(0.3) * float(ridge.W.squared_norm(SHAPE))
    assert values.min() >= lowest - 1e-12
    assert (values.min() < -1e-3) == bool(weak)


def test_the_start_is_the_published_size():
    start = ConvexRidge.initial((16, 16), 0)
    assert [bank.shape for bank in (start.W.first, start.W.second, start.W.third)] == [
        (4, 1, 5, 5),
        (8, 4, 5, 5),
        (64, 8, 5, 5),
    ]
    assert start.scaling.shape == (64,)


def _checkpoint() -> dict[str, np.ndarray]:
    first, second, third = _banks()
    return {
        "alpha": np.asarray(0.3, np.float32),
        "scale": np.asarray(-0.2, np.float32),
        "regularizer.beta": np.asarray(1.1, np.float32),
        "regularizer.scaling": np.linspace(-0.5, 2, 8, dtype=np.float32).reshape(1, 8, 1, 1),
        "regularizer.filters.0.parametrizations.weight.original": first.astype(np.float32),
        "regularizer.filters.1.weight": second.astype(np.float32),
        "regularizer.filters.2.weight": third.astype(np.float32),
    }


def _assert_loaded(ridge) -> None:
    expected = _ridge(type(ridge))
    assert jax.tree.structure(ridge) == jax.tree.structure(expected)
    for found, wanted in zip(jax.tree.leaves(ridge), jax.tree.leaves(expected), strict=True):
        assert found.dtype == jnp.float64
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


@BOTH
def test_weights_are_loaded_by_name_from_safetensors(cls, weak, tmp_path):
    del weak
    safetensors.numpy.save_file(_checkpoint(), tmp_path / "crr.safetensors")
    _assert_loaded(cls.load(tmp_path / "crr.safetensors"))


def test_other_files_are_refused(tmp_path):
    other = _checkpoint()
    other["bias"] = other.pop("alpha")
    safetensors.numpy.save_file(other, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"no ridge regulariser; missing: alpha; unexpected: bias$"):
        ConvexRidge.load(tmp_path / "other.safetensors")
    many = _checkpoint() | {"alpha": np.zeros(3, np.float32)}
    safetensors.numpy.save_file(many, tmp_path / "many.safetensors")
    with pytest.raises(ValueError, match=r"of another shape: alpha \(3,\) instead of \(\)$"):
        ConvexRidge.load(tmp_path / "many.safetensors")
    nan = _checkpoint() | {"alpha": np.asarray(np.nan, np.float32)}
    safetensors.numpy.save_file(nan, tmp_path / "nan.safetensors")
    with pytest.raises(ValueError, match="alpha must be finite"):
        ConvexRidge.load(tmp_path / "nan.safetensors")


WRONG = {
    "an even filter": (
        lambda: ConvolutionChain(jnp.ones((2, 1, 4, 4)), jnp.ones((3, 2, 4, 4)), jnp.ones((4, 3, 4, 4))),
        ValueError,
        r"first must have shape \(out, 1, s, s\) with s odd",
    ),
    "banks that do not follow each other": (
        lambda: ConvolutionChain(jnp.ones((2, 1, 3, 3)), jnp.ones((3, 1, 3, 3)), jnp.ones((4, 3, 3, 3))),
        ValueError,
        r"second must have shape \(out, 2, s, s\).*got \(3, 1, 3, 3\)",
    ),
    "a colour image": (
        lambda: _ridge(ConvexRidge).value(jnp.ones((6, 6, 3))),
        ValueError,
        r"needs a grey image \(h, w\); got shape \(6, 6, 3\)",
    ),
    "a start in colour": (
        lambda: WeaklyConvexRidge.initial((6, 6, 3), 0),
        ValueError,
        r"start on grey images \(h, w\)",
    ),
    "too few scales": (
        lambda: ConvexRidge(*[jnp.zeros(())] * 3, jnp.zeros(5), initial_chain(0, COUNTS, SIZE)),
        ValueError,
        r"scaling must be one per filter of the last bank, shape \(8,\); got \(5,\)",
    ),
    "a weight per filter": (
        lambda: ConvexRidge(jnp.zeros(8), *[jnp.zeros(())] * 2, jnp.zeros(8), initial_chain(0, COUNTS, SIZE)),
        ValueError,
        r"alpha must be one number, shape \(\); got shape \(8,\)",
    ),
}


@pytest.mark.usefixtures("as_users_run")
@pytest.mark.parametrize(("build", "error", "message"), WRONG.values(), ids=WRONG)
def test_wrong_input_is_named(build, error, message):
    with pytest.raises(error, match=message):
        build()
