"""One step of training on faces: plain iterations by their number, and accelerated ones to their residual."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Float

from ....solvers import AndersonRichardson, Budget, Picard, Richardson
from ...measure.clock import time_once
from ...measure.program import Compiler
from ...records.status import Status
from ..relative_error import finite, relative_error
from .equilibrium import (
    EquilibriumModel,
    MeasuredImages,
    SharedWeights,
    SolveAccount,
    Ways,
    batch_equilibria,
    look_back,
)
from .image_sets import ImageSplit
from .measure import measured
from .rows import ACCELERATED, UNTIED, FaceStepRow
from .settings import ANDERSON, DTYPE, EVERY, FaceSetting
from .starts import first_weights
from .step_counts import Ending

MOST_ACCELERATED = 500
LARGEST_ASKED = 0.5
"""Of residuals: with plain iterations that are above, nothing is compared."""
_ROUNDINGS = 10
"""A residual below so many times the precision is rounding, and is not asked for."""


class TimedStep(NamedTuple):
    """How long both ways took, how the solves ended, and the gradient."""

    forward_seconds: float
    backward_seconds: float
    account: SolveAccount
    gradient: Float[np.ndarray, " parameters"]

    @property
    def residuals(self) -> tuple[float, float]:
        """The largest of the solves, and of their adjoints."""
        return float(np.max(self.account.residual)), float(np.max(self.account.adjoint_residual))


def measure_face_step(
    setting: FaceSetting, images: ImageSplit, iterations: int, quick: bool
) -> list[FaceStepRow]:
    """Time so many plain iterations each way, then accelerated ones to residuals no larger."""
    data, weights = measured(setting, images.training, 0, 0), first_weights(setting, UNTIED, 0)
    plain = _timed(setting.model(_plainly(iterations)), weights, data)
    ended = ending_of_plain(plain.account)
    asked = [_asked(one) for one in plain.residuals]
    ways = Ways(
        ANDERSON,
        Budget(MOST_ACCELERATED, asked[0], EVERY),
        AndersonRichardson(5, MOST_ACCELERATED, asked[1]),
    )
    ours = _timed(setting.model(ways), weights, data)
    reached = ending_of_accelerated(ours.account, asked, ended)
    compared = ended.status is Status.OK
    difference = finite(relative_error(ours.gradient, plain.gradient)) if compared else None
    return [
        _row(setting, images, f"up to {iterations} plain iterations", plain, ended, None, quick),
        _row(setting, images, ACCELERATED, ours, reached, difference, quick),
    ]


def ending_of_plain(account: SolveAccount) -> Ending:
    """Say whether plain iterations came so far that the same can be asked of accelerated ones."""
    told = f"residuals of {np.max(account.residual):.1e} and {np.max(account.adjoint_residual):.1e}"
    if np.any(account.diverged):
        return Ending(Status.DIVERGED, f"iterations went away, to {told}")
    if max(np.max(account.residual), np.max(account.adjoint_residual)) >= LARGEST_ASKED:
        return Ending(Status.MAX_STEPS, f"{told}; at most {LARGEST_ASKED:g} can be asked of others")
    return Ending(Status.OK, "")


def ending_of_accelerated(account: SolveAccount, asked: Sequence[float], plain: Ending) -> Ending:
    """Say whether accelerated iterations reached the residuals that plain ones set, if these set any."""
    if np.any(account.diverged):
        return Ending(Status.DIVERGED, "iterations went away")
    if plain.status is not Status.OK:
        return Ending(Status.MAX_STEPS, f"nothing to compare with: the plain {plain.reason}")
    reached = np.max(account.residual), np.max(account.adjoint_residual)
    # NaN compares false.
    if all(one <= limit for one, limit in zip(reached, asked, strict=True)):
        return Ending(Status.OK, "")
    return Ending(Status.MAX_STEPS, f"residuals of {asked[0]:.1e} and {asked[1]:.1e} are due")


def _row(
    setting: FaceSetting,
    images: ImageSplit,
    contestant: str,
    timed: TimedStep,
    ended: Ending,
    difference: float | None,
    quick: bool,
) -> FaceStepRow:
    residual, adjoint_residual = timed.residuals
    return FaceStepRow(
        what="face step",
        quick=quick,
        setting=setting.name,
        source=images.name,
        model=UNTIED,
        contestant=contestant,
        status=ended.status.value,
        reason=ended.reason,
        images=len(images.training),
        shape=list(images.training.shape[1:]),
        forward_seconds=timed.forward_seconds,
        backward_seconds=timed.backward_seconds,
        steps=float(np.mean(timed.account.steps)),
        adjoint_steps=float(np.mean(timed.account.adjoint_steps)),
        residual=finite(residual),
        adjoint_residual=finite(adjoint_residual),
        gradient_difference=difference,
    )


def _plainly(iterations: int) -> Ways:
    """Run all iterations, and look at the residual at the end alone."""
    return Ways(Picard(), Budget(iterations, 0.0, iterations), Richardson(iterations, 0.0))


def _asked(residual: float) -> float:
    """Return the residual that the accelerated solve is asked for; NaN, of which nothing can be, is none."""
    if not np.isfinite(residual):
        return LARGEST_ASKED
    return float(np.clip(residual, _ROUNDINGS * float(np.finfo(DTYPE).eps), LARGEST_ASKED))


def _timed(model: EquilibriumModel, weights: SharedWeights, data: MeasuredImages) -> TimedStep:
    """Compile both ways, and time each once: they take seconds or minutes."""
    compiler = Compiler()
    ahead = compiler.compile_program(batch_equilibria, model, weights, data.y, name="forward")
    solution, forward = time_once(partial(ahead, model, weights, data.y))
    arguments = model, weights, data, solution
    back = compiler.compile_program(look_back, *arguments, name="backward")
    found, backward = time_once(partial(back, *arguments))
    gradient = np.asarray(ravel_pytree(found.gradient)[0])
    account: SolveAccount = jax.tree.map(np.asarray, found.account)
    return TimedStep(forward, backward, account, gradient)
