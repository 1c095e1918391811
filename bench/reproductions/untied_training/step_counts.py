"""What the steps of a training tell: how far its solves came, and with what status it ends."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...records.status import Status
from ..relative_error import finite
from .rows import StepCounts
from .training import AdamAccount, TrainedWeights


class Ending(NamedTuple):
    """A status and its reason."""

    status: Status
    reason: str


def step_counts(trained: TrainedWeights, epochs: int) -> StepCounts:
    """Count over all steps and all members of their batches."""
    account = trained.account
    solves = account.solves
    return StepCounts(
        training_steps=len(account.taken),
        not_taken=int(np.sum(~account.taken)),
        missed=float(np.mean(solves.stopped)),
        missed_adjoints=float(np.mean(solves.adjoint_stopped)),
        solver_steps=float(np.mean(solves.steps)),
        adjoint_steps=float(np.mean(solves.adjoint_steps)),
        residual=finite(np.max(solves.residual)),
        adjoint_residual=finite(np.max(solves.adjoint_residual)),
        losses=[finite(np.mean(part)) for part in np.split(np.asarray(account.loss, np.float64), epochs)],
        seconds=trained.seconds,
    )


def ending(account: AdamAccount, diverged: int, missed: int) -> Ending:
    """Say the worst: what diverged, what stopped at its limit at the end, then in training.

    Args:
        account: of all steps.
        diverged: equilibria at the end that went away.
        missed: equilibria at the end that stopped at their limit.
    """
    refused = int(np.sum(~account.taken))
    stopped, unsolved = account.solves.stopped, account.solves.adjoint_stopped
    at_limit = "stopped at their limit"
    said: Sequence[tuple[int, Status, str]] = (
        (refused, Status.DIVERGED, f"{refused} steps were not taken, as a solve of their batch diverged"),
        (diverged, Status.DIVERGED, f"{diverged} equilibria of the trained weights diverged"),
        (missed, Status.MAX_STEPS, f"{missed} equilibria of the trained weights {at_limit}"),
        (
            int(np.sum(stopped)),
            Status.MAX_STEPS,
            f"{np.mean(stopped):.1%} of the solves in training {at_limit}",
        ),
        (
            int(np.sum(unsolved)),
            Status.ADJOINT_MISSED,
            f"{np.mean(unsolved):.1%} of the adjoints in training {at_limit}",
        ),
    )
    return next((Ending(status, reason) for count, status, reason in said if count), Ending(Status.OK, ""))
