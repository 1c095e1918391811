"""Other libraries' derivatives beside ours, on the problems that they can express."""

import dataclasses
import importlib.util
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench import contenders
from hypergrad_bench.bench.contenders import (
    DeepinvDeq,
    DiffcpImplicit,
    JaxoptImplicit,
    JaxoptUnrolled,
    OptimistixImplicit,
    OptimistixUnrolled,
    TorchdeqImplicit,
)
from hypergrad_bench.bench.contenders.child_process import Child, child
from hypergrad_bench.bench.contenders.no_start import require_no_start
from hypergrad_bench.bench.contenders.torch_peers import supports_torch_peer
from hypergrad_bench.hypergrad import ClosedForm, Hypergradient, Implicit, Unrolled, hypergradient
from hypergrad_bench.problems import (
    AnalysisL1,
    Blur,
    FieldsOfExperts,
    Identity,
    LogCosh,
    LowerLevel,
    Mask,
    configuration,
)
from hypergrad_bench.problems import Dense as DenseOperator
from hypergrad_bench.solvers import (
    ActiveSet,
    Budget,
    Dense,
    DualFista,
    GradientDescent,
    Lbfgs,
    Nesterov,
    PrimalDual,
    PrimalDualPair,
)

N, SHAPE = 12, (5, 5)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _run(method: Any, solver: Any, budget: Budget, lower: LowerLevel) -> Hypergradient:
    return hypergradient(method, solver, budget, lower, lambda x: jnp.sum((x - 0.3) ** 2))


@pytest.fixture(scope="module")
def smooth() -> Hypergradient:
    """A smooth problem with our gradient; its lower level is the one below."""
    return _run(Implicit(Dense()), Nesterov(), Budget(20_000, 1e-13, 50), SMOOTH)


@pytest.fixture(scope="module")
def l1() -> Hypergradient:
    """An l1 problem with our gradient."""
    return _run(ClosedForm(), DualFista(), Budget(20_000, 1e-13, 50), L1)


def _normal(*shape: int) -> jax.Array:
    return jnp.asarray(np.random.default_rng(0).normal(size=shape))


SMOOTH = LowerLevel(Identity(), _normal(*SHAPE), FieldsOfExperts.initial(SHAPE, 0))
L1 = LowerLevel(Identity(), _normal(N), AnalysisL1.initial((N,), 0))


def _assert_near(ours: Hypergradient, theirs: Hypergradient) -> None:
    np.testing.assert_allclose(theirs.solution.x, ours.solution.x, atol=1e-6)
    assert float(theirs.value) == pytest.approx(float(ours.value), rel=1e-6)
    for leaf, other in zip(jax.tree.leaves(ours.gradient), jax.tree.leaves(theirs.gradient), strict=True):
        assert np.linalg.norm(np.asarray(other) - np.asarray(leaf)) <= 1e-4 * np.linalg.norm(leaf)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov(), Lbfgs()], ids=repr)
def test_implicit_on_a_smooth_energy(smooth, solver):
    result = _run(JaxoptImplicit(), solver, Budget(5000, 1e-7), SMOOTH)
    # jaxopt's own measure of convergence is not ours, and can be met a little earlier.
    assert int(result.solution.steps) < 5000
    assert 0 < float(result.solution.residual) <= 1e-6
    _assert_near(smooth, result)


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov()], ids=repr)
def test_unrolled_on_a_smooth_energy(smooth, solver):
    # Many more and it would stop early, with its tolerance of 0 too: its error can become exactly zero.
    result = _run(JaxoptUnrolled(), solver, Budget(80), SMOOTH)
    assert int(result.solution.steps) == 80
    _assert_near(smooth, result)


def test_unrolled_on_the_dual(l1):
    result = _run(JaxoptUnrolled(), DualFista(), Budget(60), L1)
    assert int(result.solution.steps) == 60
    _assert_near(l1, result)


def test_implicit_on_the_dual(l1):
    _assert_near(l1, _run(JaxoptImplicit(), DualFista(), Budget(5000, 1e-9), L1))


def test_what_they_cannot_express_has_a_sentence():
    for method in (JaxoptImplicit(), JaxoptUnrolled()):
        assert method.supports(PrimalDual(), L1) == "jaxopt has no counterpart of PrimalDual"
        with pytest.raises(ValueError, match="does not apply: jaxopt has no counterpart of PrimalDual"):
            method(PrimalDual(), Budget(), L1)
        with pytest.raises(ValueError, match="AnalysisL1 is not smooth"):
            method(Nesterov(), Budget(), L1)
    assert JaxoptImplicit().supports(Lbfgs(), SMOOTH) is None
    with pytest.raises(ValueError, match="jaxopt's L-BFGS searches along its direction in a loop"):
        JaxoptUnrolled()(Lbfgs(), Budget(), SMOOTH)


@pytest.mark.parametrize("solver", [GradientDescent(), Lbfgs()], ids=repr)
def test_optimistix_implicit(smooth, solver):
    result = _run(OptimistixImplicit(), solver, Budget(5000, 1e-9), SMOOTH)
    assert 0 < int(result.solution.steps) < 5000
    assert 0 < float(result.solution.residual) <= 1e-8
    _assert_near(smooth, result)


def test_optimistix_unrolled(smooth):
    result = _run(OptimistixUnrolled(), GradientDescent(), Budget(150), SMOOTH)
    ours = _run(Unrolled(), GradientDescent(), Budget(150), SMOOTH)
    assert int(result.solution.steps) == 150
    for leaf, other in zip(jax.tree.leaves(ours.gradient), jax.tree.leaves(result.gradient), strict=True):
        np.testing.assert_allclose(other, leaf, atol=1e-12)
    _assert_near(smooth, result)


TORCH = {"torchdeq": TorchdeqImplicit(adjoint_tolerance=1e-9), "deepinv": DeepinvDeq()}


@pytest.mark.parametrize("library", TORCH)
@pytest.mark.parametrize(
    ("operator", "boundary"),
    [
        (Identity(), "circular"),
        (Mask(0.5 + _normal(*SHAPE) ** 2), "zero"),
        (Blur(_normal(3, 3) / 6), "reflect"),
    ],
    ids=["identity", "mask", "blur"],
)
def test_torch_in_a_child_process(library, operator, boundary):
    """Every leaf's derivative, on the same arrays."""
    pytest.importorskip("torch")
    pytest.importorskip(library)
    start = SMOOTH.regularizer
    experts = FieldsOfExperts(start.filters, start.weights, LogCosh(0.3), boundary)
    lower = LowerLevel(operator, _normal(*SHAPE), experts)
    budget = Budget(5000, 1e-9)
    ours = _run(Implicit(Dense()), Nesterov(), budget, lower)
    _assert_near(ours, _run(TORCH[library], GradientDescent(), budget, lower))


@pytest.mark.parametrize(
    ("operator", "y"),
    [(Identity(), _normal(N)), (DenseOperator(_normal(8, N)), _normal(8))],
    ids=["identity", "matrix"],
)
def test_diffcp_in_a_child_process(operator, y):
    """Every leaf's derivative; the dual variable that comes back certifies the solution."""
    pytest.importorskip("cvxpy")
    pytest.importorskip("diffcp")
    lower = LowerLevel(operator, y, AnalysisL1.initial((N,), 0))
    ours = _run(ClosedForm(), ActiveSet(), Budget(100, 1e-12), lower)
    theirs = _run(DiffcpImplicit(), PrimalDual(), Budget(20_000, 1e-9), lower)
    assert float(theirs.solution.residual) <= 1e-7
    _assert_near(ours, theirs)
    batch = jax.vmap(lambda y: _run(DiffcpImplicit(), PrimalDual(), Budget(20_000, 1e-9), lower.replace(y=y)))
    _assert_near(ours, jax.tree.map(lambda leaf: leaf[1], batch(jnp.stack([2 * y, y]))))


def test_what_is_not_installed_has_a_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for method in (OptimistixImplicit(), OptimistixUnrolled()):
        assert method.supports(GradientDescent(), SMOOTH) == (
            "optimistix is not installed; the extra 'peers' brings it"
        )
    assert TorchdeqImplicit().supports(GradientDescent(), SMOOTH) == (
        "torch and torchdeq not installed; the extra 'torch-peers' brings it"
    )
    assert DiffcpImplicit().supports(PrimalDual(), L1) == (
        "cvxpy and diffcp not installed; the extra 'peers' brings it"
    )


def test_what_the_others_cannot_express_has_a_sentence(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert OptimistixImplicit().supports(DualFista(), L1) == "optimistix has no proximal solver"
    assert "no counterpart of Nesterov" in OptimistixImplicit().supports(Nesterov(), SMOOTH)
    assert "accepts or refuses steps" in OptimistixUnrolled().supports(Lbfgs(), SMOOTH)
    assert "gradient descent here, not Nesterov" in DeepinvDeq().supports(Nesterov(), SMOOTH)
    assert "is not an l1 norm" in DiffcpImplicit().supports(GradientDescent(), SMOOTH)
    assert "AnalysisL1 is none" in TorchdeqImplicit().supports(DualFista(), L1)


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from child_protocol import serve

def answer(request):
    print("noise on standard output")
    if "fail" in request:
        raise ValueError("no answer to that")
    if "die" in request:
        sys.exit(3)
    return {{name: 2 * array for name, array in request.items()}}

serve(answer)
"""


def test_a_child_answers_complains_and_dies(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(folder=str(Path(contenders.__file__).parent)))
    one = Child(str(script))
    np.testing.assert_array_equal(one.ask({"a": np.arange(3)})["a"], [0, 2, 4])
    with pytest.raises(RuntimeError, match="ValueError: no answer to that"):
        one.ask({"fail": np.ones(1)})
    assert one.ask({"a": np.ones(1)})["a"] == 2
    with pytest.raises(RuntimeError, match="the child process ended with status 3"):
        one.ask({"die": np.ones(1)})
    one.close()
    assert child(str(script)) is child(str(script))


def test_a_contender_begins_at_a_pair_or_refuses_it(l1):
    """jaxopt's projected gradient begins there; a library that chooses its start says so, before it runs."""
    pair = PrimalDualPair(l1.solution.x, DualFista().dual(L1, l1.solution.state))
    budget = Budget(5000, 1e-8)
    cold = JaxoptImplicit()(DualFista(), budget, L1)
    warm = hypergradient(JaxoptImplicit(), DualFista(), budget, L1, jnp.sum, start=pair).solution
    assert int(warm.steps) < int(cold.steps)
    with pytest.raises(ValueError, match=r"Nesterov.* cannot start from a pair"):
        JaxoptUnrolled()(Nesterov(), budget, SMOOTH, pair)
    with pytest.raises(ValueError, match=r"TorchdeqImplicit.*its library chooses the start"):
        require_no_start(TorchdeqImplicit(), pair)
    require_no_start(TorchdeqImplicit(), None)


@configuration
class Quartic:
    """A potential of somebody's own."""

    curvature: ClassVar[float] = 1.0
    convex: ClassVar[bool] = True

    def value(self, t):
        """Return t^4."""
        return t**4

    def derivative(self, t):
        """Return its slope."""
        return 4 * t**3


def test_a_potential_that_pytorch_lacks_here_is_refused(monkeypatch: pytest.MonkeyPatch):
    """Its child would take any other for the Lorentzian."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    experts = dataclasses.replace(SMOOTH.regularizer, potential=Quartic())
    lower = SMOOTH.replace(regularizer=experts)
    assert supports_torch_peer("deepinv", GradientDescent(), SMOOTH) is None
    reason = supports_torch_peer("deepinv", GradientDescent(), lower)
    assert reason == "Quartic has no counterpart in PyTorch here"
