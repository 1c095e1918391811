"""From a selection to its cases: the grid, in the order in which it is measured."""

import dataclasses
import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

from ..hypergrad.implicit import Implicit
from ..hypergrad.method import Method
from ..hypergrad.unrolled import Unrolled
from ..problems.ground_truth import GroundTruth
from ..problems.image_folder import ImageFolder
from ..problems.lower_level import LowerLevel
from ..solvers.budget import Budget
from ..solvers.dense import Dense
from ..solvers.solver import Solver
from .case import Case, Contestant, Instance
from .catalogue import Catalogue, built_in
from .errors import UserError, nearest
from .inputs import lower_level, make_inputs
from .selection import Selection
from .suites import MAX_STEPS, SUITES, TOLERANCES, Suite, Workload

TASK_ORDER = ("denoising", "inpainting", "deconvolution")
METHOD_ORDER = ("closed-form", "implicit", "one-step", "unrolled")
LARGEST_DENSE_HESSIAN = 1024


def suite_of(selection: Selection) -> Suite:
    """Return the suite by name; raise `UserError` for an unknown one."""
    if selection.suite not in SUITES:
        raise UserError(nearest(selection.suite, SUITES, kind="suite"))
    return SUITES[selection.suite]


def expand(selection: Selection, catalogue: Catalogue) -> list[list[Case]]:
    """Return the cases in groups that share an instance; a group is timed together.

    Precisions and seeds of one problem follow each other, so that compiled programs can be used again.

    Raises:
        UserError: for an unknown name, an impossible size, or settings that a constructor refuses.
    """
    suite = suite_of(selection)
    tasks = _tasks(selection, catalogue)
    dtypes = _dtypes(selection, suite)
    groups = []
    for workload, task in itertools.product(_workloads(selection, suite, catalogue), tasks):
        data = _data(selection, catalogue, workload.shape)
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
            groups.append(
                [Case(instance, one) for one in _contestants(instance, workload, selection, catalogue)]
            )
    return groups


def _contestants(
    instance: Instance, workload: Workload, selection: Selection, catalogue: Catalogue
) -> Iterator[Contestant]:
    """Pair solvers and methods on one instance, each pair with its budgets."""
    lower = _template(dataclasses.replace(instance, seed=0, batch=1))
    solvers = _solvers(selection, catalogue)
    methods = _ordered(catalogue.pick("methods", selection.methods), METHOD_ORDER)
    variants = [variant for method in methods for variant in _variants(method, workload)]
    for solver, method, reason in _pairs(lower, solvers, variants):
        for budget in _budgets(method, instance.dtype, workload, selection):
            yield Contestant(solver, budget, method, reason)


def _pairs(
    lower: LowerLevel, solvers: Sequence[Solver], methods: Sequence[Method]
) -> Iterator[tuple[Solver, Method, str]]:
    """Give every method a solver, and every further solver one method; say why where there is none."""
    able = [solver for solver in solvers if solver.supports(lower) is None]
    if not able:
        reason = f"{solvers[0]!r}: {solvers[0].supports(lower)}"
        yield from ((solvers[0], method, reason) for method in methods)
        return
    met = set()
    for method in methods:
        reasons = {solver: method.supports(solver, lower) for solver in able}
        partner = next((solver for solver in able if reasons[solver] is None), able[0])
        met.add(partner)
        yield partner, method, reasons[partner] or ""
    for solver in able:
        lead = next((method for method in methods if method.supports(solver, lower) is None), None)
        if solver not in met and lead is not None:
            yield solver, lead, ""


def _variants(method: Method, workload: Workload) -> list[Method]:
    """Return the settings of a method that are rows of their own."""
    if method == Unrolled():
        every = max(1, round(workload.unrolled_steps[-1] ** 0.5))
        return [method, Unrolled(checkpoint_every=every)]
    if method == Implicit():
        size = 1
        for length in workload.shape:
            size *= length
        return [method, Implicit(linear=Dense())] if size <= LARGEST_DENSE_HESSIAN else [method]
    return [method]


def _budgets(method: Method, dtype: str, workload: Workload, selection: Selection) -> list[Budget]:
    """Return one budget, or for plain unrolling a rising row of them."""
    tolerance = TOLERANCES[dtype] if selection.tolerance is None else selection.tolerance
    steps: tuple[int, ...] = (MAX_STEPS,)
    if getattr(method, "uses_every_step", False):
        steps = workload.unrolled_steps if method == Unrolled() else workload.unrolled_steps[-1:]
    if selection.max_steps is not None:
        steps = (selection.max_steps,)
    try:
        return [Budget(count, tolerance) for count in steps]
    except ValueError as error:
        raise UserError(str(error)) from error


def _template(instance: Instance) -> LowerLevel:
    """Build one lower level of the instance, which also finds settings that do not fit."""
    try:
        return lower_level(make_inputs(instance), 0)
    except (ValueError, TypeError, FileNotFoundError) as error:
        raise UserError(f"{instance.describe()}: {error}") from error


def _tasks(selection: Selection, catalogue: Catalogue) -> list[Any]:
    tasks = _ordered(catalogue.pick("tasks", selection.tasks), TASK_ORDER)
    if selection.noise is None:
        return tasks
    try:
        return [dataclasses.replace(task, noise=selection.noise) for task in tasks]
    except ValueError as error:
        raise UserError(str(error)) from error


def _solvers(selection: Selection, catalogue: Catalogue) -> list[Solver]:
    """Return the solvers asked for; else the suite's and those of plug-ins."""
    order = suite_of(selection).solvers
    if selection.solvers:
        return _ordered(catalogue.pick("solvers", selection.solvers), order)
    own = built_in().solvers
    chosen = {name: one for name, one in catalogue.solvers.items() if name in order or name not in own}
    return _ordered(chosen, order)


def _dtypes(selection: Selection, suite: Suite) -> tuple[str, ...]:
    for dtype in selection.dtypes:
        if dtype not in TOLERANCES:
            raise UserError(nearest(dtype, TOLERANCES, kind="dtype"))
    return selection.dtypes or suite.dtypes


def _workloads(selection: Selection, suite: Suite, catalogue: Catalogue) -> list[Workload]:
    """Return the suite's workloads for the chosen regularisers, at other sizes if asked for."""
    names = catalogue.pick("regularizers", selection.regularizers)
    listed = {workload.regularizer for workload in suite.workloads}
    chosen = [workload for workload in suite.workloads if workload.regularizer in names]
    # A plug-in's regulariser takes every size of the suite at which it can start.
    for name in names.keys() - listed:
        chosen += [
            dataclasses.replace(workload, regularizer=name)
            for workload in suite.workloads
            if _can_start(names[name], workload.shape)
        ]
    if not selection.sizes:
        return chosen
    shapes = [_shape(size) for size in selection.sizes]
    return [_resized(name, shape, suite) for name in names for shape in shapes]


def _resized(name: str, shape: tuple[int, ...], suite: Suite) -> Workload:
    """Return a workload of another size, with batch and budgets of the nearest in kind."""
    alike = [workload for workload in suite.workloads if len(workload.shape) == len(shape)]
    return dataclasses.replace((alike or suite.workloads)[0], regularizer=name, shape=shape)


def _can_start(regularizer: Any, shape: tuple[int, ...]) -> bool:
    try:
        regularizer.initial(shape, 0)
    except ValueError:
        return False
    return True


def _shape(size: str) -> tuple[int, ...]:
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*)?", size):
        raise UserError(
            f"size is {size!r}; a length such as 64 or a height and width such as 32x32 is accepted"
        )
    return tuple(int(length) for length in size.split("x"))


def _data(selection: Selection, catalogue: Catalogue, shape: tuple[int, ...]) -> GroundTruth:
    """Return the ground truths for a shape: the folder or the name asked for, else the first that fits."""
    if selection.images is not None and len(shape) == 2:
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


def _ordered(entries: dict[str, Any], order: Sequence[str]) -> list[Any]:
    first = [name for name in order if name in entries]
    return [entries[name] for name in (*first, *(name for name in entries if name not in first))]
