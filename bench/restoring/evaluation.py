"""How well regularisers restore the images of a folder, each with the weight that suits other images best."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ...problems.regularizer import Regularizer, ScalableRegularizer
from ...problems.task import Task, measure
from ...solvers.solver import Outcome, Solution
from ..catalogue.catalogue import Catalogue
from ..errors import UserError
from .image_set import Picture, seed_of
from .pieces import Pieces, pieces
from .quality import quality
from .solving import budget_for, chosen_solver, outcome_of, solved, told
from .tuning import Tuned, best_factor

CONVERGED = Outcome.CONVERGED.name.lower()


class Setting(NamedTuple):
    """What all regularisers are compared with.

    Attributes:
        task: how images are measured.
        seed: of the measurements.
        solver: by name; None for the one that suits each regulariser.
        max_steps: of a solve; None for the usual.
        tolerance: of a solve; None for the usual.
        catalogue: of all solvers.
    """

    task: Task
    seed: int
    solver: str | None
    max_steps: int | None
    tolerance: float | None
    catalogue: Catalogue


class Restorer(NamedTuple):
    """A regulariser that restores.

    Attributes:
        name: in the table.
        regularizer: with its parameters.
        first: factor that tuning begins with.
    """

    name: str
    regularizer: Regularizer
    first: float = 1.0


class Judged(NamedTuple):
    """One image restored by one regulariser.

    Attributes:
        psnr, ssim: of the restored image; NaN where there is none.
        status: how the solve ended, the worst of the channels'.
        steps: of the solver, the most of the channels.
    """

    image: str
    psnr: float
    ssim: float
    status: str
    steps: int


def judge(setting: Setting, regularizer: Regularizer, picture: Picture) -> Judged:
    """Measure an image, restore it, and compare it with the truth."""
    seed = seed_of(picture, setting.seed)
    y = _measured(setting.task, picture.truth, seed)
    made = pieces(setting.task, y, regularizer, seed)
    image, statuses, steps = _restored(setting, made)
    status = next((one for one in statuses if one != CONVERGED), CONVERGED)
    if not np.isfinite(image).all():
        return Judged(picture.name, np.nan, np.nan, status, steps)
    found = quality(image, picture.truth)
    return Judged(picture.name, found.psnr, found.ssim, status, steps)


def measured_quality(setting: Setting, picture: Picture) -> Judged | None:
    """Compare the measurement itself with the truth, where it is an image of the same shape."""
    y = _measured(setting.task, picture.truth, seed_of(picture, setting.seed))
    if y.shape != picture.truth.shape:
        return None
    found = quality(y, picture.truth)
    return Judged(picture.name, found.psnr, found.ssim, "", 0)


def tune(
    setting: Setting, restorer: Restorer, pictures: list[Picture], seen: Callable[[float, float], None]
) -> Tuned:
    """Find the factor of a regulariser with the largest mean PSNR over some images.

    Args:
        setting: what they are measured and solved with.
        restorer: whose regulariser can be multiplied.
        pictures: for training.
        seen: is told each factor with its mean PSNR.

    Raises:
        UserError: if the regulariser has no weight to tune.
    """
    regularizer = restorer.regularizer
    if not isinstance(regularizer, ScalableRegularizer):
        raise UserError(
            f"{type(regularizer).__name__} has no weight to tune (it offers no `times`); leave --tune out"
        )

    def score(factor: float) -> float:
        judged = [judge(setting, regularizer.times(factor), picture) for picture in pictures]
        psnr = float(np.mean([one.psnr for one in judged]))
        seen(factor, psnr)
        # What is no number is worse than any.
        return -np.inf if np.isnan(psnr) else psnr

    return best_factor(score, restorer.first)


def averaged(judged: list[Judged]) -> Judged:
    """Return the mean of PSNR and SSIM over the images that have one, and how many solves converged."""
    have = [one for one in judged if not np.isnan(one.psnr)]
    status = _status([one.status for one in judged])
    psnr = float(np.mean([one.psnr for one in have])) if have else np.nan
    ssim = float(np.mean([one.ssim for one in have])) if have else np.nan
    return Judged(f"mean of {len(have)}", psnr, ssim, status, max(one.steps for one in judged))


def _status(statuses: list[str]) -> str:
    """Return the one status of all, or how many of the solves converged."""
    converged = statuses.count(CONVERGED)
    alike = set(statuses) in ({CONVERGED}, {""})
    return statuses[0] if alike else f"{converged} of {len(statuses)} converged"


def _measured(task: Task, truth: Float[np.ndarray, "..."], seed: int) -> Float[np.ndarray, "..."]:
    try:
        return np.asarray(measure(task, truth[None], seed)[1][0])
    except ValueError as error:
        raise UserError(str(error)) from error


def _restored(setting: Setting, made: Pieces) -> tuple[Float[np.ndarray, "..."], list[str], int]:
    solutions = list(_solutions(setting, made))
    image = made.joined([np.asarray(one.x, np.float64) for one in solutions])
    return image, [outcome_of(one) for one in solutions], max(int(one.steps) for one in solutions)


def _solutions(setting: Setting, made: Pieces) -> Iterator[Solution]:
    for lower in made.lowers:
        with told():
            solver = chosen_solver(lower, setting.solver, setting.catalogue)
            solution = solved(solver, budget_for(lower, setting.max_steps, setting.tolerance), lower)
        yield solution
