"""What the models count is what JAX stores and XLA counts of small compiled programs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from hypergrad_bench.bench.scaling import analysis_costs, dense_costs, network_costs, smooth_costs
from hypergrad_bench.bench.scaling.dense_costs import DenseProblem
from hypergrad_bench.bench.scaling.filter_problem import FilterProblem
from hypergrad_bench.bench.scaling.network_costs import NetworkProblem, dncnn, drunet
from hypergrad_bench.hypergrad import Unrolled
from hypergrad_bench.problems import (
    AnalysisL1,
    Denoising,
    FieldsOfExperts,
    LowerLevel,
    Photographs,
    PiecewiseConstant,
    measure,
)
from hypergrad_bench.problems.networks.dncnn import DnCnn
from hypergrad_bench.problems.networks.drunet import Drunet
from hypergrad_bench.solvers import Admm, Budget, DualFista, Nesterov
from hypergrad_bench.solvers.solver import Solver

SIDE, N = 12, 40


@pytest.fixture(scope="module")
def experts() -> LowerLevel:
    truth = Photographs().sample((SIDE, SIDE), 1, 0)
    A, y = measure(Denoising(), truth, 0)
    return LowerLevel(A, y[0], FieldsOfExperts.initial((SIDE, SIDE), 0))


def compiled(function: Callable[..., Any], *arguments: Any) -> Any:
    return jax.jit(function).lower(*arguments).compile()


def tape_of(solver: Solver, lower: LowerLevel) -> float:
    """The temporaries that each further unrolled step costs."""
    few, many = (temporaries(solver, lower, steps) for steps in (30, 60))
    return (many - few) / 30


def temporaries(solver: Solver, lower: LowerLevel, steps: int) -> int:
    def loss(regularizer: Any) -> Any:
        solution = Unrolled()(solver, Budget(steps, 0.0), lower.replace(regularizer=regularizer))
        return jnp.mean(jnp.square(solution.x - 1))

    return compiled(jax.grad(loss), lower.regularizer).memory_analysis().temp_size_in_bytes


def test_the_tape_of_a_smooth_step_is_seven_responses_and_an_image(experts: LowerLevel) -> None:
    assert tape_of(Nesterov(), experts) == pytest.approx(smooth_costs.tape(FilterProblem(SIDE**2)), rel=0.02)


def test_the_tape_of_a_step_of_admm_is_two_responses_and_three_images(experts: LowerLevel) -> None:
    lower = experts.replace(regularizer=AnalysisL1.initial((SIDE, SIDE), 0))
    problem = FilterProblem(SIDE**2)
    modelled = problem.held(*analysis_costs.TAPE)
    assert tape_of(Admm(rho=1.0), lower) == pytest.approx(modelled, rel=0.05)


def test_the_tape_of_a_step_on_the_dual_is_three_responses() -> None:
    truth = PiecewiseConstant().sample((N,), 1, 0)
    A, y = measure(Denoising(), truth, 0)
    lower = LowerLevel(A, y[0], AnalysisL1.initial((N,), 0))
    modelled = DenseProblem(N, N - 1).held(dense_costs.TAPE)
    assert tape_of(DualFista(), lower) == pytest.approx(modelled, rel=0.06)


@pytest.mark.parametrize("name", ["gradient", "product", "way back"])
def test_operations_are_those_that_the_compiler_counts(name: str, experts: LowerLevel) -> None:
    """But for roots, which XLA counts apart, and what it saves at borders."""
    x, problem = experts.y, FilterProblem(SIDE**2)

    def pulled_back(lower: LowerLevel, x: Any, v: Any) -> Any:
        return jax.vjp(lambda lower, x: lower.gradient(x), lower, x)[1](v)

    program, modelled = {
        "gradient": (lambda lower, x, _: lower.gradient(x), smooth_costs.gradient(problem)),
        "product": (
            lambda lower, x, v: jax.jvp(lower.gradient, (x,), (v,))[1],
            smooth_costs.gradient(problem) + smooth_costs.product(problem),
        ),
        "way back": (pulled_back, smooth_costs.gradient(problem) + smooth_costs.way_back(problem)),
    }[name]
    counted = compiled(program, experts, x, x).cost_analysis()["flops"]
    assert modelled.flops == pytest.approx(counted, rel=0.3)


@pytest.mark.parametrize(
    ("network", "counted"),
    [
        (Drunet(widths=(4, 8, 12), blocks=1), drunet((4, 8, 12), 1)),
        (DnCnn(depth=4, width=6), dncnn(4, 6)),
    ],
    ids=["DRUNet", "DnCNN"],
)
def test_a_network_s_parameters_are_those_that_are_drawn(network: Any, counted: Any) -> None:
    assert counted.parameters == sum(leaf.size for leaf in jax.tree.leaves(network.init(0)))


def test_a_network_s_operations_and_tape_are_those_of_its_program() -> None:
    """At 16 x 16 pixels borders save some operations."""
    side, network, counted = 16, DnCnn(depth=4, width=6), dncnn(4, 6)
    parameters = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), network.init(0))
    x, sigma = jnp.ones((side, side), jnp.float32), jnp.float32(0.1)

    def passed(parameters: Any, x: Any) -> Any:
        return network.apply(parameters, x, sigma)

    program = compiled(passed, parameters, x)
    problem = NetworkProblem(counted, side**2)
    assert problem.through(1).flops == pytest.approx(program.cost_analysis()["flops"], rel=0.3)

    def repeated(parameters: Any, steps: int) -> Any:
        end = jax.lax.scan(lambda x, _: (passed(parameters, x), None), x, length=steps)[0]
        return jnp.sum(jnp.square(end))

    few, many = (
        compiled(jax.grad(functools.partial(repeated, steps=steps)), parameters).memory_analysis()
        for steps in (20, 40)
    )
    tape = (many.temp_size_in_bytes - few.temp_size_in_bytes) / 20
    assert tape == pytest.approx(problem.tape, rel=0.01)
    assert network_costs.unrolled(problem, network_costs.Effort(7)).held_bytes > 7 * problem.tape
