"""From a selection to its cases: the grid, in the order in which it is measured."""

import dataclasses
import itertools
import math
import re
from typing import Any, NamedTuple

from ...problems.ground_truth import GroundTruth
from ...problems.ground_truths.image_folder import ImageFolder
from ...problems.lower_level import LowerLevel
from ...problems.task import Task
from ..errors import UserError, nearest
from ..failure import failure_of
from ..machine.memory import memory_limit
from ..records.record import SIZE
from .answer import ask
from .case import Case, Contestant, Instance
from .catalogue import Catalogue, built_in, kebab_case, ordered
from .contestants import contestants, failed_contestants
from .inputs import cast, lower_level, make_inputs
from .misfits import Misfit, Misfits, nothing_fits
from .selection import Selection
from .suites import TOLERANCES, Suite, Workload, suite_of

TASK_ORDER = ("denoising", "inpainting", "deconvolution")
LARGEST_RUN = 100_000
"""Cases of a run at most: nobody would see the end of more."""
DRAWN = 4
"""Arrays of the ground truths' size, in float64, that drawing them and measuring them takes at least."""


class Expansion(NamedTuple):
    """The grid of a selection.

    Attributes:
        groups: the cases, in groups that share an instance; a group is timed together.
        left_out: a sentence for each combination of what was asked for that does not fit together.
    """

    groups: list[list[Case]]
    left_out: tuple[str, ...] = ()


def expand(selection: Selection, catalogue: Catalogue) -> Expansion:
    """Return the cases of a selection, and what of it does not fit together.

    Precisions and seeds of one problem follow each other, so that compiled programs can be used again. What a
    plug-in raises as a problem is made of it, or as it is asked what it supports, is its own cases' failure.

    Raises:
        UserError: for an unknown name, for settings that nothing accepts, or more than `LARGEST_RUN` cases.
    """
    suite = suite_of(selection.suite)
    _check(selection, catalogue)
    groups: list[list[Case]] = []
    left_out, refused = Misfits(), Misfits()
    count, made = 0, False
    for workload, task in itertools.product(
        _workloads(selection, suite, catalogue), _tasks(selection, catalogue)
    ):
        if not (selection.tasks or _runs_on(workload, task)):
            continue
        for dtype in selection.dtypes or suite.dtypes:
            try:
                instance = _instance(selection, catalogue, workload, task, dtype)
                found, refusal = _contestants(instance, workload, selection, catalogue)
            except Misfit as misfit:
                left_out.add(task, workload, str(misfit))
                continue
            if refusal:
                refused.add(task, workload, refusal)
            made = made or not refusal
            seeds = selection.seeds or suite.seeds
            count += len(found) * seeds
            if count > LARGEST_RUN:
                raise UserError(
                    f"the selection has {count} cases or more, at most {LARGEST_RUN} are accepted; "
                    "narrow it, or give fewer --seeds"
                )
            for seed in range(seeds):
                one = dataclasses.replace(instance, seed=seed)
                groups.append([Case(one, contestant) for contestant in found])
    if not made and (left_out or refused):
        raise UserError(nothing_fits(left_out, refused))
    return Expansion(groups, left_out.lines())


def _check(selection: Selection, catalogue: Catalogue) -> None:
    """Raise `UserError` for names and options that no problem could accept, before one is made."""
    for dtype in selection.dtypes:
        if dtype not in TOLERANCES:
            raise UserError(nearest(dtype, TOLERANCES, kind="dtype"))
    for kind in ("methods", "solvers"):
        catalogue.pick(kind, getattr(selection, kind))
    if selection.images is not None and selection.data is not None:
        raise UserError(
            f"--images {selection.images} and --data {selection.data} are both ground truths; give one"
        )


def _instance(
    selection: Selection, catalogue: Catalogue, workload: Workload, task: Task, dtype: str
) -> Instance:
    """Make the instance of seed 0; raise `Misfit` where what was asked for does not fit together."""
    return Instance(
        task=_with_noise(task, selection.noise),
        regularizer=catalogue.regularizers[workload.regularizer],
        weight=selection.weight,
        data=_data(selection, catalogue, workload.shape),
        shape=workload.shape,
        batch=selection.batch or workload.batch,
        dtype=dtype,
        seed=0,
    )


def _contestants(
    instance: Instance, workload: Workload, selection: Selection, catalogue: Catalogue
) -> tuple[list[Contestant], str]:
    """Pair solvers and methods on an instance, and say what a constructor refused; empty if none did.

    A failure of a plug-in gives contestants that say so.

    Raises:
        Misfit: if the problem cannot be made although nothing of it is a plug-in's.
    """
    _require_memory(instance)

    def failed(failure: str) -> list[Contestant]:
        return list(failed_contestants(instance, failure, workload, selection, catalogue))

    answer = ask(instance.data.supports, instance.shape)
    if answer.failure:
        return failed(f"{instance.data!r}: {answer.failure}"), ""
    try:
        lower = _template(dataclasses.replace(instance, batch=1))
    except BaseException as error:
        failure = failure_of(error)
        refusal = str(error) if isinstance(error, ValueError) else ""
        if _is_built_in(instance):
            raise Misfit(refusal or failure) from error
        return failed(failure), refusal
    try:
        return list(contestants(instance, lower, workload, selection, catalogue)), ""
    except UserError:
        raise
    except BaseException as error:
        return failed(failure_of(error)), ""


def _is_built_in(instance: Instance) -> bool:
    """Tell whether no part of an instance comes from a plug-in."""
    package = __name__.partition(".")[0]
    parts = (type(instance.task), instance.regularizer, type(instance.data))
    return all(cls.__module__.partition(".")[0] == package for cls in parts)


def _require_memory(instance: Instance) -> None:
    """Raise `Misfit` if ground truths, noise and measurements need more memory than one program may take."""
    needed, limit = DRAWN * 8 * instance.batch * math.prod(instance.shape), memory_limit()
    if needed > limit:
        raise Misfit(
            f"a batch of {instance.batch} needs {needed / 2**30:.3g} GiB for its ground truths and "
            f"measurements; the limit is {limit / 2**30:.3g} GiB"
        )


def _runs_on(workload: Workload, task: Task) -> bool:
    """Say whether a workload runs on a task that nobody asked for by name: a plug-in's, or one of its own."""
    name = kebab_case(type(task).__name__)
    return name in workload.tasks or name not in built_in().tasks


def _template(instance: Instance) -> LowerLevel:
    """Build one lower level of the instance, which also finds settings that do not fit."""
    return lower_level(cast(make_inputs(instance), instance.dtype), 0)


def _tasks(selection: Selection, catalogue: Catalogue) -> list[Any]:
    return ordered(catalogue.pick("tasks", selection.tasks), TASK_ORDER)


def _with_noise(task: Any, noise: float | None) -> Any:
    if noise is None:
        return task
    try:
        return dataclasses.replace(task, noise=noise)
    except BaseException as error:
        raise Misfit(f"--noise {noise:g}: {failure_of(error)}") from error


def _workloads(selection: Selection, suite: Suite, catalogue: Catalogue) -> list[Workload]:
    """Return the suite's workloads for the chosen regularisers, at other sizes if asked for.

    None chosen are those that the suite lists, and those of plug-ins.
    """
    names = catalogue.pick("regularizers", selection.regularizers)
    listed = {workload.regularizer for workload in suite.workloads}
    if not selection.regularizers:
        # Built-in ones that a suite does not list run when they are asked for by name.
        own = built_in().regularizers
        names = {name: one for name, one in names.items() if name in listed or name not in own}
    workloads = (*suite.workloads, *suite.on_request)
    chosen = [workload for workload in workloads if workload.regularizer in names]
    # A regulariser of which the suite has no workload takes every size of it at which it can start.
    for name in names.keys() - {workload.regularizer for workload in workloads}:
        chosen += [
            dataclasses.replace(workload, regularizer=name)
            for workload in _startable(names[name], _one_a_shape(suite))
        ]
    if not selection.sizes:
        return chosen
    shapes = [shape_of(size) for size in selection.sizes]
    return [_resized(name, shape, suite) for name in names for shape in shapes]


def _startable(regularizer: Any, workloads: list[Workload]) -> list[Workload]:
    """Return the workloads at whose shape a regulariser can start; all if at none, so that it is said."""
    return [one for one in workloads if _can_start(regularizer, one.shape)] or workloads


def _one_a_shape(suite: Suite) -> list[Workload]:
    """Return the first workload of each shape."""
    found: dict[tuple[int, ...], Workload] = {}
    for workload in suite.workloads:
        found.setdefault(workload.shape, workload)
    return list(found.values())


def _resized(name: str, shape: tuple[int, ...], suite: Suite) -> Workload:
    """Return a workload of another size, with batch and budgets of the nearest in kind."""
    workloads = (*suite.workloads, *suite.on_request)
    alike = [workload for workload in workloads if len(workload.shape) == len(shape)]
    own = [workload for workload in alike if workload.regularizer == name]
    return dataclasses.replace((own or alike or suite.workloads)[0], regularizer=name, shape=shape)


def _can_start(regularizer: Any, shape: tuple[int, ...]) -> bool:
    try:
        regularizer.initial(shape, 0)
    except ValueError:
        return False
    except BaseException as error:
        failure_of(error)  # an interrupt goes on; anything else is told by the cases
    return True


def shape_of(size: str) -> tuple[int, ...]:
    """Read a size such as 64, 32x32 or, in colour, 32x32x3; raise `UserError` for another text."""
    if not re.fullmatch(SIZE, size):
        raise UserError(
            f"size is {size!r}; a length such as 64, a height and width such as 32x32, or 32x32x3 for colour "
            "is accepted"
        )
    return tuple(int(length) for length in size.split("x"))


def _data(selection: Selection, catalogue: Catalogue, shape: tuple[int, ...]) -> GroundTruth:
    """Return the ground truths for a shape: the folder or the name asked for, else the first that fits.

    Raises:
        UserError: for an unknown name, or a folder that cannot be read.
        Misfit: where they have no such shape.
    """
    if selection.images is not None:
        return _folder(selection, shape)
    if selection.data is not None:
        chosen = next(iter(catalogue.pick("data", [selection.data]).values()))
        if reason := ask(chosen.supports, shape).reason:
            raise Misfit(f"data {selection.data!r}: {reason}")
        return chosen
    for name in ("piecewise-constant", "photographs", *catalogue.data):
        if ask(catalogue.data[name].supports, shape).yes:
            return catalogue.data[name]
    raise Misfit(
        f"no ground truth has this shape: {ask(catalogue.data['photographs'].supports, shape).reason}"
    )


def _folder(selection: Selection, shape: tuple[int, ...]) -> ImageFolder:
    try:
        folder = ImageFolder(selection.images or "")
        folder.fingerprint()
    except ValueError as error:
        raise UserError(str(error)) from error
    reason = folder.supports(shape)
    if reason is not None:
        raise Misfit(f"--images {selection.images}: {reason}")
    return folder
