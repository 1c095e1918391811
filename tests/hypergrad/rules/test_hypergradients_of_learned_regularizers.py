"""Implicit hypergradients of learned regularisers, and the closed form of wavelets, against differences."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.conformance.methods import Pair, check_method
from hypergrad_bench.bench.conformance.small_problem import SmallProblem, outer
from hypergrad_bench.hypergrad import ClosedForm, Implicit
from hypergrad_bench.hypergrad.references.central_differences import (
    central_differences,
    random_directions,
    slopes_along,
)
from hypergrad_bench.problems import (
    ColorPhotographs,
    ConvexRidge,
    Deconvolution,
    Denoising,
    Inpainting,
    InputConvexNetwork,
    LowerLevel,
    MagneticResonance,
    Photographs,
    SuperResolution,
    WaveletL1,
    WaveletL12,
    WeaklyConvexRidge,
    measure,
)
from hypergrad_bench.problems.operators.convolution_chain import initial_chain
from hypergrad_bench.solvers import (
    ActiveSet,
    Admm,
    Budget,
    DualFista,
    Gmres,
    Nesterov,
    Picard,
    PrimalDual,
    solve,
)

pytestmark = pytest.mark.optimised

SHAPE = (8, 8)
TASKS = (Denoising(), Inpainting(), Deconvolution(), SuperResolution(), MagneticResonance(fraction=0.5))
BUDGET = Budget(max_steps=20_000, tolerance=1e-12)
FAST = {"xla_backend_optimization_level": 0}


def _ridge(cls, alpha: float):
    """Few small filters and a wide kink: on 64 pixels the full ones start out nearly nonsmooth."""
    return cls(
        alpha=jnp.asarray(alpha),
        scale=jnp.asarray(0.1),
        beta=jnp.asarray(1.0),
        scaling=jnp.linspace(1.0, 2.0, 6),
        W=initial_chain(1, (2, 3, 6), 3),
    )


def _network() -> InputConvexNetwork:
    """Three filters of 3 x 3 a layer instead of sixteen of 5 x 5."""
    full = InputConvexNetwork.initial(SHAPE, 0)
    three = {name: getattr(full, name)[:3] for name in ("first_bias", "second_bias", "output")}
    kernels = {name: getattr(full, name)[:3, :3, :3, :3] for name in ("first", "mixing", "second")}
    return InputConvexNetwork(**kernels, **three, quadratic=full.quadratic)


REGULARIZERS = {
    "CRR": lambda: _ridge(ConvexRidge, 0.0),
    "WCRR": lambda: _ridge(WeaklyConvexRidge, -1.0),
    "ICNN": lambda: _network(),
}


def _lower(task, regularizer) -> LowerLevel:
    A, y = measure(task, Photographs().sample(SHAPE, 1, 3), 0)
    return LowerLevel(A, y[0], regularizer)


def _newton(start) -> Callable[[LowerLevel], jax.Array]:
    """Minimise by five Newton steps with the dense Hessian, from a point near by."""

    def step(lower: LowerLevel, x):
        hessian = jax.jacfwd(lower.gradient)(x).reshape(x.size, x.size)
        return x - jnp.linalg.solve(hessian, lower.gradient(x).ravel()).reshape(x.shape)

    return lambda lower: jax.lax.fori_loop(0, 5, lambda _, x: step(lower, x), start)


# Super-resolution, whose A has a null space, stands for all; the others follow with the slow tests.
CASES = [
    pytest.param(task, name, marks=[] if isinstance(task, SuperResolution) else [pytest.mark.slow])
    for task in TASKS
    for name in REGULARIZERS
]


@pytest.mark.parametrize(
    ("task", "name"), CASES, ids=lambda one: one if isinstance(one, str) else type(one).__name__
)
def test_implicit_agrees_with_central_differences(task, name):
    lower = _lower(task, REGULARIZERS[name]())
    directions = random_directions(lower, 2, 0, ("A", "y", "regularizer"))

    def both(lower, directions):
        def loss(lower):
            return outer(Implicit()(Nesterov(), BUDGET, lower).x)

        gradient = jax.grad(loss)(lower)
        found = solve(Nesterov(), BUDGET, lower)
        exact = _newton(jax.lax.stop_gradient(found.x))
        differences = central_differences(lambda lower: outer(exact(lower)), lower, directions).central
        return found.residual, slopes_along(gradient, directions), differences

    residual, along, differences = jax.jit(both, compiler_options=FAST)(lower, directions)
    assert float(residual) <= 1e-12
    np.testing.assert_allclose(along, differences, rtol=1e-5, atol=1e-5 * np.abs(differences).max())


WAVELET_CASES = [
    *((Denoising(), solver) for solver in (DualFista(), Admm(), PrimalDual(), ActiveSet())),
    pytest.param(SuperResolution(), ActiveSet(), marks=pytest.mark.slow),
    # With four of eight lines the solution is not unique: differences along the mask exceed a thousand.
    (MagneticResonance(fraction=0.75), ActiveSet()),
]


@pytest.mark.parametrize(("task", "solver"), WAVELET_CASES, ids=lambda one: type(one).__name__)
def test_l1_solvers_and_the_closed_form_take_wavelets(task, solver):
    """The problem's reference is itself checked against central differences to 1e-5."""
    problem = _wavelet_problem(task)
    assert problem.reference is not None
    found = list(check_method("wavelets", Pair(ClosedForm(), solver, problem)))
    assert [one for one in found if not one.passed] == []


@functools.cache
def _wavelet_problem(task) -> SmallProblem:
    return SmallProblem("WaveletL1", task, WaveletL1.initial(SHAPE, 0), SHAPE, steps=2000)


@pytest.mark.parametrize("shape", [SHAPE, (8, 4, 3)])
def test_group_norms_are_differentiated_through_forward_backward_steps(shape):
    """In colour and in grey; the optimality condition itself has no Hessian."""
    regularizer = WaveletL12.initial(shape, 0)
    data = Photographs() if len(shape) == 2 else ColorPhotographs()
    A, y = measure(Inpainting(), data.sample(shape, 1, 3), 0)
    lower = LowerLevel(A, y[0], regularizer)
    method = Implicit(linear=Gmres(tolerance=1e-13), on="fixed-point")
    budget = Budget(3000, 1e-13)
    directions = random_directions(lower, 2, 0, ("y", "regularizer"))

    def both(lower, directions):
        gradient = jax.grad(lambda lower: outer(method(Picard(), budget, lower).x))(lower)
        moved = central_differences(lambda one: outer(solve(Picard(), budget, one).x), lower, directions)
        return slopes_along(gradient, directions), moved.central

    along, differences = jax.jit(both, compiler_options=FAST)(lower, directions)
    np.testing.assert_allclose(along, differences, rtol=1e-5)
    assert "is not smooth" in Implicit().supports(Picard(), lower)
