"""Which regularisers and tasks a selection has, at which sizes."""

import dataclasses
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ...problems.regularizer import Regularizer
from ...problems.task import Task
from ..catalogue.catalogue import Catalogue, ordered
from ..catalogue.entry import Entry
from ..errors import UserError
from ..failure import failure_of
from ..records.record import SIZE
from .selection import Selection
from .suites import OTHERS, TASKS, Suite, Workload


class Placed(NamedTuple):
    """A workload of a regulariser, on a task."""

    regularizer: Entry[type[Regularizer]]
    workload: Workload
    task: Entry[Task]


def placed_workloads(selection: Selection, catalogue: Catalogue, suite: Suite) -> Iterator[Placed]:
    """Yield the workloads of the chosen regularisers on the chosen tasks.

    Raises:
        UserError: for an unknown name, or a text that is no size.
    """
    tasks = ordered(catalogue.entries("tasks", selection.tasks), TASKS)
    for regularizer, workload in _workloads(selection, catalogue, suite):
        for task in tasks:
            if selection.tasks or _runs_on(workload, task, suite):
                yield Placed(regularizer, workload, task)


def shape_of(size: str) -> tuple[int, ...]:
    """Read a size such as 64, 32x32 or, in colour, 32x32x3; raise `UserError` for another text."""
    if not re.fullmatch(SIZE, size):
        raise UserError(
            f"size is {size!r}; a length such as 64, a height and width such as 32x32, or 32x32x3 for colour "
            "is accepted"
        )
    return tuple(int(length) for length in size.split("x"))


def _workloads(
    selection: Selection, catalogue: Catalogue, suite: Suite
) -> list[tuple[Entry[type[Regularizer]], Workload]]:
    """Return the suite's workloads for the chosen regularisers, at other sizes if asked for."""
    chosen = _regularizers(selection, catalogue, suite)
    if selection.sizes:
        shapes = [shape_of(size) for size in selection.sizes]
        return [(entry, _resized(entry, shape, suite)) for entry in chosen for shape in shapes]
    entries = {entry.name: entry for entry in chosen}
    named = _named_workloads(suite)
    listed = [(entries[one.regularizer], one) for one in named if one.regularizer in entries]
    names = {workload.regularizer for workload in named}
    return listed + [
        (entry, dataclasses.replace(workload, regularizer=entry.name))
        for entry in chosen
        if entry.name not in names
        for workload in _unnamed_workloads(entry, suite)
    ]


def _regularizers(selection: Selection, catalogue: Catalogue, suite: Suite) -> list[Entry[type[Regularizer]]]:
    """Return the regularisers asked for, or those that the suite lists and those of plug-ins.

    Built-in ones that a suite does not list run when they are asked for by name, unless it takes all others.
    """
    entries = catalogue.entries("regularizers", selection.regularizers)
    if selection.regularizers:
        return entries
    listed = {workload.regularizer for workload in suite.workloads}
    on_request = {workload.regularizer for workload in suite.on_request}
    others = OTHERS in listed
    return [
        entry
        for entry in entries
        if entry.is_plugin or entry.name in listed or (others and entry.name not in on_request)
    ]


def _named_workloads(suite: Suite) -> list[Workload]:
    return [one for one in (*suite.workloads, *suite.on_request) if one.regularizer != OTHERS]


def _unnamed_workloads(entry: Entry[type[Regularizer]], suite: Suite) -> list[Workload]:
    """Return the workloads of a regulariser that a suite does not name.

    A built-in one takes the first of those for all others at whose shape it can start, if the suite has any;
    else it takes every size of the suite at which it can start. All where it can start at none, so that it is
    said.
    """
    others = [one for one in suite.workloads if one.regularizer == OTHERS]
    if others and not entry.is_plugin:
        return _startable(entry.value, others)[:1]
    return _startable(entry.value, _one_per_shape(suite))


def _startable(regularizer: Any, workloads: list[Workload]) -> list[Workload]:
    return [one for one in workloads if _can_start(regularizer, one.shape)] or workloads


def _can_start(regularizer: Any, shape: tuple[int, ...]) -> bool:
    try:
        regularizer.initial(shape, 0)
    except ValueError:
        return False
    except BaseException as error:
        failure_of(error)  # an interrupt goes on; anything else is told by the cases
    return True


def _one_per_shape(suite: Suite) -> list[Workload]:
    """Return the first workload of each shape."""
    first: dict[tuple[int, ...], Workload] = {}
    for workload in suite.workloads:
        if workload.regularizer != OTHERS:
            first.setdefault(workload.shape, workload)
    return list(first.values())


def _resized(entry: Entry[type[Regularizer]], shape: tuple[int, ...], suite: Suite) -> Workload:
    """Return a workload of another size, with batch and budgets of the nearest in kind."""
    alike = [workload for workload in _named_workloads(suite) if len(workload.shape) == len(shape)]
    own = [workload for workload in alike if workload.regularizer == entry.name]
    nearest = (own or alike or suite.workloads)[0]
    return dataclasses.replace(nearest, regularizer=entry.name, shape=shape)


def _runs_on(workload: Workload, task: Entry[Task], suite: Suite) -> bool:
    """Tell whether a workload runs on a task that nobody asked for: one of its own, or a plug-in's."""
    if task.is_plugin or task.name in workload.tasks:
        return True
    named = {name for one in (*suite.workloads, *suite.on_request) for name in one.tasks}
    return OTHERS in workload.tasks and task.name not in named
