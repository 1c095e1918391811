"""From a request to its cases: the grid, in the order in which it is measured."""

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ...problems.task import require_truths
from ..errors import UserError
from ..failure import failure_of
from ..machine.device_memory import memory_limit
from .answer import ask
from .case import Case, Contestant, Instance
from .contestants import contestants, failed_contestants
from .inputs import template
from .misfits import Misfit, Misfits, nothing_fits
from .problem import Problem
from .request import Request

LARGEST_RUN = 100_000
"""Cases of a run at most: nobody would see the end of more."""
DRAWN = 4
"""Arrays of the ground truths' size, in float64, that drawing them and measuring them takes at least."""


class Expansion(NamedTuple):
    """The grid of a request.

    Attributes:
        groups: the cases, in groups that share an instance; a group is timed together.
        left_out: a sentence for each combination of what was asked for that does not fit together.
    """

    groups: list[list[Case]]
    left_out: tuple[str, ...] = ()


def expand(request: Request) -> Expansion:
    """Return the cases of a request, and what of it does not fit together; no built-in image is drawn.

    Precisions and seeds of one problem follow each other, so that compiled programs can be used again. What a
    plug-in raises as a problem is made of it, or as it is asked what it supports, is its own cases' failure.

    Raises:
        UserError: for settings that nothing accepts, or more than `LARGEST_RUN` cases.
    """
    groups: list[list[Case]] = []
    left_out, refused = Misfits(), Misfits()
    count, made = 0, False
    for problem in request.problems:
        try:
            instance, found, refusal = _met(request, problem)
        except Misfit as misfit:
            left_out.add(problem, str(misfit))
            continue
        if refusal:
            refused.add(problem, refusal)
        made = made or not refusal
        count += len(found) * len(request.seeds)
        if count > LARGEST_RUN:
            raise UserError(
                f"the selection has {count} cases or more, at most {LARGEST_RUN} are accepted; "
                "narrow it, or give fewer --seeds"
            )
        for seed in request.seeds:
            seeded = dataclasses.replace(instance, seed=seed)
            groups.append([Case(seeded, contestant) for contestant in found])
    if not made and (left_out or refused):
        raise UserError(nothing_fits(left_out, refused))
    return Expansion(groups, left_out.lines())


def unique(groups: Iterable[Sequence[Case]]) -> Iterator[tuple[Case, ...]]:
    """Yield groups without the cases that an earlier one has.

    Two settings can come to the same case, such as an unrolled budget that a user fixed.
    """
    seen: set[str] = set()
    for group in groups:
        fresh = {case.id: case for case in group if case.id not in seen}
        seen.update(fresh)
        if fresh:
            yield tuple(fresh.values())


class _Met(NamedTuple):
    """The instance of seed 0, who meets on it, and what a constructor refused; empty if none did."""

    instance: Instance
    contestants: list[Contestant]
    refusal: str = ""


def _met(request: Request, problem: Problem) -> _Met:
    """Pair solvers and methods on an instance; a failure of a plug-in gives contestants that say so.

    Raises:
        Misfit: where what was asked for does not fit together, or if the problem cannot be made although
            nothing of it is a plug-in's.
    """
    truth = request.truths.of_shape(problem.shape)
    instance = Instance(
        task=with_noise(problem.task.value, request.selection.noise),
        regularizer=problem.regularizer.value,
        weight=request.selection.weight,
        data=truth.value,
        shape=problem.shape,
        batch=problem.batch,
        dtype=problem.dtype,
        seed=0,
    )
    require_memory(instance)

    def failed(failure: str, refusal: str = "") -> _Met:
        return _Met(instance, list(failed_contestants(request, problem, failure)), refusal)

    answer = ask(truth.value.supports, instance.shape)
    if answer.failure:
        return failed(f"{truth.value!r}: {answer.failure}")
    try:
        # Nobody has checked these yet; those that are built in are not drawn to list the cases.
        if truth.is_plugin:
            require_truths(truth.value.sample(instance.shape, 1, instance.seed))
        lower = template(instance)
    except BaseException as error:
        failure = failure_of(error)
        refusal = str(error) if isinstance(error, ValueError) else ""
        if not (problem.task.is_plugin or problem.regularizer.is_plugin or truth.is_plugin):
            raise Misfit(refusal or failure) from error
        return failed(failure, refusal)
    try:
        return _Met(instance, list(contestants(request, problem, lower)))
    except UserError:
        raise
    except BaseException as error:
        return failed(failure_of(error))


def require_memory(instance: Instance) -> None:
    """Raise `Misfit` if ground truths, noise and measurements need more memory than one program may take."""
    needed, limit = DRAWN * 8 * instance.batch * math.prod(instance.shape), memory_limit()
    if needed > limit:
        raise Misfit(
            f"a batch of {instance.batch} needs {needed / 2**30:.3g} GiB for its ground truths and "
            f"measurements; the limit is {limit / 2**30:.3g} GiB"
        )


def with_noise(task: Any, noise: float | None) -> Any:
    """Return a task with another noise level, if one is given; raise `Misfit` where it refuses that."""
    if noise is None:
        return task
    try:
        return dataclasses.replace(task, noise=noise)
    except BaseException as error:
        raise Misfit(f"--noise {noise:g}: {failure_of(error)}") from error
