"""From a selection to its cases: the grid, in the order in which it is measured."""

import dataclasses
import itertools
import re
from typing import Any

from ..problems.ground_truth import GroundTruth
from ..problems.image_folder import ImageFolder
from ..problems.lower_level import LowerLevel
from ..problems.task import Task
from .case import Case, Instance
from .catalogue import Catalogue, built_in, kebab_case, ordered
from .contestants import contestants
from .errors import UserError, nearest
from .inputs import cast, lower_level, make_inputs
from .record import SIZE
from .selection import Selection
from .suites import TOLERANCES, Suite, Workload, suite_of

TASK_ORDER = ("denoising", "inpainting", "deconvolution")


def expand(selection: Selection, catalogue: Catalogue) -> list[list[Case]]:
    """Return the cases in groups that share an instance; a group is timed together.

    Precisions and seeds of one problem follow each other, so that compiled programs can be used again.

    Raises:
        UserError: for an unknown name, an impossible size, or settings that a constructor refuses.
    """
    suite = suite_of(selection.suite)
    tasks = _tasks(selection, catalogue)
    dtypes = _dtypes(selection, suite)
    groups = []
    for workload, task in itertools.product(_workloads(selection, suite, catalogue), tasks):
        if not (selection.tasks or _runs_on(workload, task)):
            continue
        data = _data(selection, catalogue, workload.shape)
        templates: dict[str, LowerLevel] = {}
        for dtype, seed in itertools.product(dtypes, range(selection.seeds or suite.seeds)):
            instance = Instance(
                task=task,
                regularizer=catalogue.regularizers[workload.regularizer],
                weight=selection.weight,
                data=data,
                shape=workload.shape,
                batch=selection.batch or workload.batch,
                dtype=dtype,
                seed=seed,
            )
            if dtype not in templates:
                templates[dtype] = _template(dataclasses.replace(instance, seed=0, batch=1))
            found = contestants(instance, templates[dtype], workload, selection, catalogue)
            groups.append([Case(instance, one) for one in found])
    return groups


def _runs_on(workload: Workload, task: Task) -> bool:
    """Say whether a workload runs on a task that nobody asked for by name: a plug-in's, or one of its own."""
    name = kebab_case(type(task).__name__)
    return name in workload.tasks or name not in built_in().tasks


def _template(instance: Instance) -> LowerLevel:
    """Build one lower level of the instance, which also finds settings that do not fit."""
    try:
        return lower_level(cast(make_inputs(instance), instance.dtype), 0)
    except (ValueError, TypeError, FileNotFoundError) as error:
        raise UserError(f"{instance.describe()}: {error}") from error


def _tasks(selection: Selection, catalogue: Catalogue) -> list[Any]:
    tasks = ordered(catalogue.pick("tasks", selection.tasks), TASK_ORDER)
    if selection.noise is None:
        return tasks
    try:
        return [dataclasses.replace(task, noise=selection.noise) for task in tasks]
    except ValueError as error:
        raise UserError(str(error)) from error


def _dtypes(selection: Selection, suite: Suite) -> tuple[str, ...]:
    for dtype in selection.dtypes:
        if dtype not in TOLERANCES:
            raise UserError(nearest(dtype, TOLERANCES, kind="dtype"))
    return selection.dtypes or suite.dtypes


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
            for workload in _one_a_shape(suite)
            if _can_start(names[name], workload.shape)
        ]
    if not selection.sizes:
        return chosen
    shapes = [shape_of(size) for size in selection.sizes]
    return [_resized(name, shape, suite) for name in names for shape in shapes]


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
    """Return the ground truths for a shape: the folder or the name asked for, else the first that fits."""
    if selection.images is not None and len(shape) in (2, 3):
        return _folder(selection, shape)
    if selection.data is not None:
        chosen = next(iter(catalogue.pick("data", [selection.data]).values()))
        reason = chosen.supports(shape)
        if reason is not None:
            raise UserError(f"data {selection.data!r}: {reason}")
        return chosen
    for name in ("piecewise-constant", "photographs", *catalogue.data):
        if catalogue.data[name].supports(shape) is None:
            return catalogue.data[name]
    raise UserError(f"no ground truth has shape {shape}: {catalogue.data['photographs'].supports(shape)}")


def _folder(selection: Selection, shape: tuple[int, ...]) -> ImageFolder:
    try:
        folder = ImageFolder(selection.images or "")
        folder.fingerprint()
    except ValueError as error:
        raise UserError(str(error)) from error
    reason = folder.supports(shape)
    if reason is not None:
        raise UserError(f"--images {selection.images}: {reason}")
    return folder
