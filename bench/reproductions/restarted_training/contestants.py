"""Who trains: restarts, one step, and the exact gradient."""

import optax

from ....hypergrad import Implicit, Restarted
from ....problems import Regularizer
from ....solvers import AndersonRichardson, Budget
from ...training.parametrization import parametrization
from ...training.recipe import Recipe
from .problem import RestartedModel, Size

LAYERS, BLOCKS = 10, 3
STEPS = LAYERS * BLOCKS
ONE_STEP, RESTARTS, EXACT = "one step", "restarts", "exact"
METHODS = (RESTARTS, ONE_STEP, EXACT)
MOST, TOLERANCES = 300, {"float64": 1e-6, "float32": 1e-5}
"""Of the exact training: steps of the solve and of its adjoint equation at most, and relative residuals."""
REFERENCE_STEPS, REFERENCE_TOLERANCE = 2000, 1e-9


def recipes(model: RestartedModel, regularizer: Regularizer, size: Size) -> dict[str, Recipe]:
    """Return the recipe of every method: they differ in the gradient and in the budget of its solve alone."""
    exact, budget = _exact(MOST, TOLERANCES[model.dtype])
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


def reference_way() -> tuple[Implicit, Budget]:
    """Return the method and the budget that all are judged by, in float64."""
    return _exact(REFERENCE_STEPS, REFERENCE_TOLERANCE)


def _exact(steps: int, tolerance: float) -> tuple[Implicit, Budget]:
    linear = AndersonRichardson(max_steps=steps, tolerance=tolerance)
    return Implicit(linear, on="fixed-point"), Budget(steps, tolerance)
