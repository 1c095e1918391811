"""Total variation, nothing across the border: solutions by other algorithms, gradients by differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

from hypergrad_bench.hypergrad import ActivePoint, CertifiedSolution, Checked, ClosedForm, Implicit, pair
from hypergrad_bench.hypergrad.l1.active_set_system import active_set_system
from hypergrad_bench.hypergrad.l1.certified_solution import is_nonsmooth
from hypergrad_bench.hypergrad.l1.system_solution import solve_system
from hypergrad_bench.problems import (
    AnalysisL1,
    FilterBank,
    Identity,
    LowerLevel,
    Mask,
    total_variation,
)
from hypergrad_bench.solvers import ActiveSet, Admm, Budget, DualFista, PrimalDual, certify, solve
from hypergrad_bench.solvers.certificate import active_rows

BUDGET = Budget(20_000, 1e-12, 10)
GREY, COLOUR = (6, 5), (4, 5, 3)


def problem(shape: tuple[int, ...], A: object = None) -> LowerLevel:
    """A rough image and a map of weights, one per pixel and direction."""
    generator = np.random.default_rng(len(shape))
    y = np.cumsum(np.cumsum(0.3 * generator.normal(size=shape), axis=0), axis=1)
    weight = generator.uniform(0.05, 0.4, (2, *shape[:2]))
    return LowerLevel(A or Identity(), jnp.asarray(y), total_variation(jnp.asarray(weight)))


def on_the_dual(lower: LowerLevel) -> np.ndarray:
    """Solve  min_u 1/2 ||y - W^T u||^2,  |u_i| <= weight_i  by L-BFGS-B, and return y - W^T u."""
    W, y = lower.regularizer.W, np.ravel(lower.y)
    columns = jax.vmap(W)(jnp.eye(y.size).reshape(-1, *lower.shape))
    matrix = np.asarray(columns).reshape(y.size, -1).T
    bounds = np.ravel(lower.regularizer.weight_like(W(lower.y)))

    def value(u):
        left = y - matrix.T @ u
        return 0.5 * left @ left, -matrix @ left

    options = {"maxiter": 20_000, "maxfun": 10**6, "ftol": 0.0, "gtol": 1e-10}
    box = list(zip(-bounds, bounds, strict=True))
    found = minimize(value, np.zeros(len(matrix)), jac=True, bounds=box, method="L-BFGS-B", options=options)
    return (y - matrix.T @ found.x).reshape(lower.shape)


def loss(x: jax.Array) -> jax.Array:
    return jnp.mean(jnp.square(x - jnp.linspace(0, 1, x.size).reshape(x.shape)))


RULES = {
    "closed form, iterative": (ClosedForm(factored_up_to=0), PrimalDual()),
    "closed form, certified": (ClosedForm(), ActiveSet()),
    "fixed point": (Implicit(on="fixed-point"), DualFista()),
}


def test_every_solver_and_rule_on_a_grey_image():
    """Active rows of images are dependent, four round a flat square; derivatives by weights and y are not."""
    lower = problem(GREY)
    solution = on_the_dual(lower)
    directions, slope = differences(lower)
    for name, (method, solver) in RULES.items():
        gradient, found = jax.jit(jax.grad(_loss(Checked(method), solver), has_aux=True))(lower)
        np.testing.assert_allclose(found.x, solution, atol=1e-7, err_msg=name)
        assert int(found.certificate.ambiguous) == 0
        assert _along(gradient, directions) == pytest.approx(slope, rel=1e-6), name


@pytest.mark.parametrize(
    ("shape", "A"), [(COLOUR, None), (GREY, Mask(jnp.asarray(np.arange(30.0).reshape(GREY) % 4 > 0, float)))],
    ids=["colour", "inpainting"],
)  # fmt: skip
def test_colour_images_and_masks(shape, A):
    lower = problem(shape, A)
    directions, slope = differences(lower)
    gradient, found = jax.jit(jax.grad(_loss(Checked(ClosedForm()), Admm()), has_aux=True))(lower)
    assert _along(gradient, directions) == pytest.approx(slope, rel=1e-6)
    if A is None:
        np.testing.assert_allclose(found.x, on_the_dual(lower), atol=1e-7)


def test_filters_of_total_variation_are_at_a_kink():
    """The same functional as a bank has zero rows at the far border, which enter however a filter changes.

    Dependent rows that stay dependent are no kink: differences, which are fixed, have one without the other.
    """
    fixed = problem((5, 5))
    bank = fixed.replace(
        regularizer=AnalysisL1(fixed.regularizer.W.bank(jnp.float64), fixed.regularizer.weight)
    )
    assert isinstance(bank.regularizer.W, FilterBank)
    assert [bool(jax.jit(has_kink)(lower)) for lower in (fixed, bank)] == [False, True]


def has_kink(lower: LowerLevel) -> jax.Array:
    """Tell what a reference tells of a solution."""
    solved = solve(DualFista(), Budget(20_000, 1e-13, 20), lower)
    point = ActivePoint(solved.x, solved.state.u, active_rows(lower, solved.x, solved.state.u))
    found = CertifiedSolution(point, solved.certificate, solved.steps)
    system = active_set_system(lower, point.active, point.x.shape)
    adjoint = solve_system(lower, system, jax.grad(loss)(found.point.x), jnp.zeros_like(found.point.u))
    gradient = pair(lower, found.point, adjoint.v, adjoint.mu)
    return is_nonsmooth(lower, found, adjoint, gradient)


@pytest.mark.parametrize(("weight", "ties"), [(0.3, 0), (0.5, 2), (0.7, 0)])
def test_regions_that_just_merge_are_ambiguous(weight, ties):
    """Two columns 0 and 1 tend to weight and 1 - weight, and meet at a weight of one half: a kink."""
    y = jnp.asarray([[0.0, 1.0], [0.0, 1.0]])
    lower = LowerLevel(Identity(), y, total_variation(weight))
    found = solve(DualFista(), BUDGET, lower)
    low = min(weight, 0.5)
    np.testing.assert_allclose(found.x, [[low, 1 - low]] * 2, atol=1e-10)
    assert int(found.certificate.ambiguous) == ties
    exact = certify(lower, jnp.asarray([[low, 1 - low]] * 2), -jnp.zeros((2, 2, 2)).at[1, :, 0].set(-low))
    assert bool(exact.certified)
    assert int(exact.ambiguous) == ties


def differences(lower: LowerLevel) -> tuple[LowerLevel, float]:
    """Differentiate the loss at tightly solved problems by y and the weights, along a random direction."""
    generator = np.random.default_rng(7)

    def draw(path, leaf):
        drawn = jnp.asarray(generator.normal(size=leaf.shape))
        return jnp.zeros_like(drawn) if path[0].name == "A" else drawn

    # Not `replace`, which takes a direction by the weights for weights.
    direction = jax.tree_util.tree_map_with_path(draw, lower)

    @jax.jit
    def at(step):
        moved = jax.tree.map(lambda leaf, along: leaf + step * along, lower, direction)
        return loss(solve(Admm(), Budget(20_000, 1e-13, 20), moved).x)

    slopes = [(float(at(step)) - float(at(-step))) / (2 * step) for step in (1e-4, 1e-5)]
    assert slopes[0] == pytest.approx(slopes[1], rel=1e-5)
    return direction, slopes[1]


def _loss(method, solver):
    def of(lower):
        solution = method(solver, BUDGET, lower)
        return loss(solution.x), solution

    return of


def _along(gradient: LowerLevel, direction: LowerLevel) -> float:
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(direction), strict=True)
    return sum(float(jnp.vdot(one, other)) for one, other in pairs)
