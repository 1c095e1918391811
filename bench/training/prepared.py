"""From what was asked for to a training that is ready to start."""

from dataclasses import dataclass
from typing import Any

import jax

from ...hypergrad.upper_levels.upper_level import UpperLevel
from ...problems.ground_truth import FingerprintedTruth
from ...problems.lower_level import LowerLevel
from ...problems.regularizer import Regularizer
from ...solvers.budget import Budget
from ..catalogue.catalogue import Catalogue, built_in
from ..catalogue.plugin import with_plugins
from ..errors import UserError
from ..grid.case import Instance, label
from ..grid.expand import require_memory, with_noise
from ..grid.inputs import cast, make_inputs, template
from ..grid.misfits import Misfit
from ..grid.request import truths_of
from ..grid.selection import Selection
from ..grid.workloads import shape_of
from .optimizers import optimizer_named
from .pairs import Pairs
from .parametrization import parametrization
from .partners import Partners, partners, solver_named
from .recipe import Recipe
from .request import TrainingRequest
from .step_trainer import StepTrainer
from .trainer import Trainer
from .upper_levels.asked_level import asked_level
from .upper_levels.level_trainer import LevelTrainer

TOLERANCES = {"float64": 1e-6, "float32": 1e-5}
"""Relative residual to which the lower level is solved, if nobody says another."""
MAX_STEPS, EVERY_STEP = 10_000, 100
"""Steps of the solver at most, and of methods that make every one of them."""


@dataclass(frozen=True)
class PlannedTraining:
    """A training whose names are resolved, before a pair is drawn.

    Attributes:
        request: what was asked for.
        instance: the pairs, as a batch of them all, and where the regulariser starts.
        by: the method and the solver that form gradients for an optimiser, or an upper level.
    """

    request: TrainingRequest
    instance: Instance
    by: Partners | UpperLevel

    def choices(self) -> dict[str, str]:
        """Return what the training consists of, in the words of labels: what a request leaves open too."""
        data = self.instance.data
        contents = data.fingerprint() if isinstance(data, FingerprintedTruth) else ""
        return {
            "task": self.instance.task_label,
            "regularizer": self.instance.regularizer_label,
            "data": " ".join(filter(None, (label(data), contents))),
            **self._ways(),
        }

    def _ways(self) -> dict[str, str]:
        if not isinstance(self.by, Partners):
            return {"upper level": repr(self.by)}
        budget = _budget(self.request, self.by)
        return {"method": repr(self.by.method), "solver": repr(self.by.solver), "budget": repr(budget)}


def plan_training(request: TrainingRequest) -> PlannedTraining:
    """Resolve the names of a request, among what is built in and what its plug-ins add.

    Raises:
        UserError: for an unknown name, or for what does not fit together, with the reason.
    """
    catalogue = with_plugins(built_in(), list(request.plugins))
    try:
        instance = _instance(request, catalogue)
        require_memory(instance)
        lower = template(instance)
    except (Misfit, ValueError, TypeError) as error:
        raise UserError(str(error)) from error
    return PlannedTraining(request, instance, _by(request, catalogue, lower))


def prepared(planned: PlannedTraining) -> StepTrainer:
    """Draw the pairs, start the regulariser, and return what trains it.

    Raises:
        UserError: for an unknown optimiser, a batch that does not fit, a parameter that is none, an upper
            level that does not apply, or fewer devices than asked for.
    """
    asked, by = planned.request, planned.by
    inputs = cast(make_inputs(planned.instance), asked.dtype)
    pairs = Pairs(inputs.A, inputs.y, inputs.truths)
    try:
        if not isinstance(by, Partners):
            return LevelTrainer(by, pairs, inputs.regularizer, asked.seed)
        recipe = _recipe(asked, by, inputs.regularizer)
        return Trainer(recipe, pairs, inputs.regularizer, _devices(asked.devices))
    except (ValueError, TypeError) as error:
        raise UserError(str(error)) from error


def _by(request: TrainingRequest, catalogue: Catalogue, lower: LowerLevel) -> Partners | UpperLevel:
    """Return what trains; what its settings refuse is said before pairs are drawn."""
    if request.upper_level is None:
        found = partners(catalogue, lower, request.method, request.solver)
        _ = _budget(request, found)
        return found
    solver = None if request.solver is None else solver_named(catalogue, request.solver)
    return asked_level(request, solver)


def _budget(asked: TrainingRequest, by: Partners) -> Budget:
    """Say how long the solver may run; raise `UserError` for a tolerance that is none."""
    usual = EVERY_STEP if by.method.traits.uses_every_step else MAX_STEPS
    tolerance = TOLERANCES[asked.dtype] if asked.tolerance is None else asked.tolerance
    try:
        return Budget(asked.max_steps or usual, tolerance)
    except ValueError as error:
        raise UserError(str(error)) from error


def _recipe(asked: TrainingRequest, by: Partners, regularizer: Regularizer) -> Recipe:
    assert asked.optimizer is not None
    assert asked.rate is not None
    assert asked.batch is not None
    return Recipe(
        by.method,
        by.solver,
        _budget(asked, by),
        optimizer_named(asked.optimizer, asked.rate, asked.schedule, asked.steps),
        parametrization(regularizer, asked.keeping, asked.learn),
        asked.batch,
        asked.seed,
        failed_steps=asked.failed_steps,
        starts=asked.starts,
    )


def _instance(request: TrainingRequest, catalogue: Catalogue) -> Instance:
    if request.images is not None and request.data is not None:
        raise UserError(
            f"--images {request.images} and --data {request.data} are both ground truths; give one"
        )
    shape = shape_of(request.size)
    (task,) = catalogue.entries("tasks", [request.task])
    (regularizer,) = catalogue.entries("regularizers", [request.regularizer])
    truths = truths_of(Selection(data=request.data, images=request.images), catalogue)
    return Instance(
        task=with_noise(task.value, request.noise),
        regularizer=regularizer.value,
        weight=request.weight,
        data=truths.of_shape(shape).value,
        shape=shape,
        batch=request.pairs,
        dtype=request.dtype,
        seed=request.seed,
    )


def _devices(count: int) -> tuple[Any, ...]:
    found = tuple(jax.devices())
    if count > len(found):
        raise UserError(f"--devices {count}: JAX has {len(found)} here")
    return found[:count]
