"""Small problems to train on."""

import jax.numpy as jnp
import optax

from hypergrad_bench import hypergrad, problems, solvers
from hypergrad_bench.bench.training.pairs import Pairs
from hypergrad_bench.bench.training.parametrization import parametrization
from hypergrad_bench.bench.training.recipe import Recipe
from hypergrad_bench.bench.training.trainer import Trainer

SIZE, COUNT, BATCH = 8, 6, 2
BUDGET = solvers.Budget(2000, 1e-6)


def signals(weight: float = 0.1) -> tuple[Pairs, problems.AnalysisL1]:
    """Six noisy piecewise constant signals of eight numbers, and a nearly differencing W."""
    truths = problems.PiecewiseConstant(0.3).sample((SIZE,), COUNT, 0)
    A, y = problems.measure(problems.Denoising(noise=0.1), truths, 0)
    start = problems.AnalysisL1.initial((SIZE,), 0)
    return Pairs(A, y, jnp.asarray(truths)), problems.AnalysisL1(start.W, jnp.asarray(weight))


def images() -> tuple[Pairs, problems.FieldsOfExperts]:
    """Six noisy 5 x 5 crops of photographs, and filters with an energy."""
    truths = problems.Photographs().sample((5, 5), COUNT, 0)
    A, y = problems.measure(problems.Denoising(noise=0.1), truths, 0)
    start = problems.FieldsOfExperts.initial((5, 5), 0)
    return Pairs(A, y, jnp.asarray(truths)), problems.FieldsOfExperts(start.filters, 0.1 * start.weights)


def recipe(regularizer, optimizer=None, **changes) -> Recipe:
    """OneStep with DualFista, which compile soonest; small steps with momentum, batches of two."""
    asked = {
        "method": hypergrad.OneStep(),
        "solver": solvers.DualFista(),
        "budget": BUDGET,
        "optimizer": optax.sgd(1e-3, momentum=0.9) if optimizer is None else optimizer,
        "parametrization": parametrization(regularizer),
        "batch": BATCH,
    }
    return Recipe(**{**asked, **changes})


def trainer(optimizer=None, **changes) -> Trainer:
    """Train on the signals."""
    pairs, regularizer = signals()
    return Trainer(recipe(regularizer, optimizer, **changes), pairs, regularizer)
