"""Who trains: restarts, one step, and the exact gradient."""

import optax

from ....hypergrad import Implicit, Restarted
from ....problems import Regularizer
from ....solvers import AndersonRichardson, Budget
from ...training.parametrization import parametrization
from ...training.recipe import Recipe
from .problem import RestartedModel, TrainingSize

LAYERS, BLOCKS = 10, 3
STEPS = LAYERS * BLOCKS
ONE_STEP, RESTARTS, EXACT = "one step", "restarts", "exact"
METHODS = (RESTARTS, ONE_STEP, EXACT)
TOLERANCES = {"float64": 1e-6, "float32": 1e-5}
"""Of the exact training: the relative residuals of the solve and of its adjoint equation."""
REFERENCE_TOLERANCE, PATIENCE = 1e-8, 10
"""Of the gradients that all are compared with: relative residuals, and times the steps of a training's."""
MEMORY = 20
"""Of the accelerated iteration of adjoint equations."""
TESTED = Budget(2000, 1e-5)
"""Of the fixed points of which PSNR is taken."""


def recipes(model: RestartedModel, regularizer: Regularizer, size: TrainingSize) -> dict[str, Recipe]:
    """Return the recipe of every method: they differ in the gradient and in the budget of its solve alone."""
    exact, budget = _exact(model.most, TOLERANCES[model.dtype])
    every = Budget(STEPS, 0.0)
    ways = {RESTARTS: (Restarted(LAYERS), every), ONE_STEP: (Restarted(1), every), EXACT: (exact, budget)}
    return {
        name: Recipe(
            method,
            model.solver,
            budget,
            optax.adam(model.rate),
            parametrization(regularizer, "exp", model.learn),
            size.batch,
            starts="cold",
        )
        for name, (method, budget) in ways.items()
    }


def reference_way(model: RestartedModel) -> tuple[Implicit, Budget]:
    """Return the method and the budget by which gradients are judged, in float64."""
    return _exact(PATIENCE * model.most, REFERENCE_TOLERANCE)


def _exact(steps: int, tolerance: float) -> tuple[Implicit, Budget]:
    linear = AndersonRichardson(MEMORY, max_steps=steps, tolerance=tolerance)
    return Implicit(linear, on="fixed-point"), Budget(steps, tolerance)
