"""Who looks at a training on the way: its held-out pairs and its exact recipe."""

from dataclasses import replace

import jax.numpy as jnp

from ...problems.linear_operator import LinearOperator
from ...problems.task import require_truths
from ...solvers.budget import Budget
from ..catalogue.catalogue import built_in
from ..errors import UserError
from ..grid.inputs import template
from ..grid.suites import MAX_STEPS, TOLERANCES
from .held_out import HeldOut
from .onlooker import LevelOnlooker, Onlooker
from .pairs import Pairs, held_out_pairs
from .partners import partners
from .prepared import PlannedTraining
from .step_trainer import StepTrainer
from .trainer import Trainer


def onlooker(planned: PlannedTraining, trainer: StepTrainer) -> Onlooker | LevelOnlooker:
    """Return what looks at a training: at pairs of the test split, and at the error of its gradient.

    The exact recipe has the first exact method with the first solver that fit, and the tolerance of suites.
    Of a training by an upper level only the pairs are looked at.

    Raises:
        UserError: if no method fits, or there are no such ground truths for testing.
    """
    asked = planned.request
    exact = partners(built_in(), template(planned.instance), None, None)
    budget = Budget(MAX_STEPS, TOLERANCES[asked.dtype])
    held_out = HeldOut(_test_pairs(planned, trainer.pairs.A), exact, budget)
    if not isinstance(trainer, Trainer):
        return LevelOnlooker(trainer, held_out)
    recipe = replace(trainer.recipe, method=exact.method, solver=exact.solver, budget=budget, starts="cold")
    return Onlooker(trainer, recipe, held_out)


def _test_pairs(planned: PlannedTraining, A: LinearOperator) -> Pairs:
    """Measure ground truths of the test split with the operator of training, and noise of their own."""
    asked, instance = planned.request, planned.instance
    try:
        truths = instance.data.sample(instance.shape, asked.test_pairs, instance.seed, "test")
        require_truths(truths)
    except (ValueError, TypeError) as error:
        raise UserError(f"no pairs for testing: {error}") from error
    return held_out_pairs(A, instance.task, jnp.asarray(truths, asked.dtype), instance.seed)
