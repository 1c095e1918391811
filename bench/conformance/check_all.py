"""The list of checks of a catalogue, or of what a plug-in adds to one."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from ...hypergrad.method import RoutedMethod
from ...problems.linear_operator import LinearOperator
from ...problems.regularizer import AnalysisRegularizer, Regularizer
from ...problems.regularizers.experts.potentials import PseudoHuber
from ...problems.task import Task
from ...problems.tasks.denoising import Denoising
from ..bench_traits import bench_traits_of
from ..catalogue.catalogue import Catalogue, ordered
from ..failure import failure_of
from ..grid.suites import SUITES
from . import examples, linear_solvers, methods, operators, regularizers, settings, solvers, tasks
from .finding import Check, Finding
from .large_problem import large_problems
from .methods import Pair
from .small_problem import (
    IMAGE,
    SHAPES,
    SmallProblem,
    experts_problem,
    size,
    small_problems,
    starting_shapes,
)


def check_all(catalogue: Catalogue, own: Catalogue | None = None) -> Iterator[Finding]:
    """Yield the findings on everything in a catalogue, or on `own` entries of it only.

    Example:
        failed = [finding for finding in check_all(built_in()) if not finding.passed]
    """
    for check in checks(catalogue, own):
        yield from check.findings()


def checks(catalogue: Catalogue, own: Catalogue | None = None) -> list[Check]:
    """Return the checks on everything in a catalogue, or on `own` entries of it only.

    Own methods meet every solver of the catalogue on one problem, and one solver on every problem; own
    solvers meet every method on one problem. Problems are the built-in small ones and those that own tasks
    and regularisers make. A costly method meets one solver on one problem; every other one also meets
    problems above the sizes at which code takes another route.
    """
    subjects = own or catalogue
    problems = list(small_problems())
    if own is not None:
        problems += _own_problems(own)
    found = [one._replace(first=True) for one in (*_settings(subjects), *_problem_parts(subjects))]
    found += _solvers(subjects, problems)
    found += [
        Check(repr(one), partial(linear_solvers.check_linear_solver, repr(one), one), first=True)
        for one in subjects.linear_solvers.values()
    ]
    return [*found, *_methods(catalogue, subjects, problems)]


def _settings(subjects: Catalogue) -> Iterator[Check]:
    for kind in ("tasks", "data", "potentials", "solvers", "linear_solvers", "methods"):
        for one in getattr(subjects, kind).values():
            yield Check(repr(one), partial(settings.check_settings, repr(one), one))


def _problem_parts(subjects: Catalogue) -> Iterator[Check]:
    for task in subjects.tasks.values():
        yield Check(repr(task), partial(_check_task, repr(task), task))
    for truth in subjects.data.values():
        for shape in SHAPES:
            yield Check(repr(truth), partial(tasks.check_ground_truth, repr(truth), truth, shape))
    for cls in subjects.regularizers.values():
        yield Check(cls.__name__, partial(_check_regularizer, cls))
    for operator in subjects.operators.values():
        yield examples.operator_check(operator)
    for potential in subjects.potentials.values():
        yield examples.potential_check(potential)


def _check_task(subject: str, task: Task) -> Iterator[Finding]:
    shapes = [shape for shape in SHAPES if _measures(task, shape)]
    yield Finding(subject, "a small shape", bool(shapes), f"of {SHAPES} it accepts {shapes}")
    for shape in shapes:
        label = f"{subject}, {size(shape)}"
        yield from tasks.check_task(label, task, shape)
        yield from _check_operator(task, shape)


def _check_operator(task: Task, shape: tuple[int, ...]) -> Iterator[Finding]:
    label = f"A of {task!r}, {size(shape)}"
    return operators.check_operator(label, task.operator(shape, 0), shape)


def _check_regularizer(cls: type[Regularizer]) -> Iterator[Finding]:
    shapes = starting_shapes(cls)
    yield Finding(cls.__name__, "a small shape", bool(shapes), f"of {SHAPES} it starts on {shapes}")
    for shape in shapes or SHAPES[:1]:  # what the start raised is a finding too
        label, regularizer = f"{cls.__name__}, {size(shape)}", cls.initial(shape, 0)
        yield from regularizers.check_start(label, cls, shape)
        yield from regularizers.check_regularizer(label, regularizer, shape)
        if isinstance(regularizer, AnalysisRegularizer):
            yield from operators.check_operator(f"W of {label}", regularizer.W, shape)


def _solvers(subjects: Catalogue, problems: list[SmallProblem]) -> Iterator[Check]:
    for solver in subjects.solvers.values():
        first = True
        for problem in problems:
            label = f"{solver!r} on {problem.label}"
            yield Check(label, partial(solvers.check_support, label, solver, problem))
            if not _holds(lambda solver=solver, problem=problem: solver.supports(problem.lowers[0]) is None):
                continue
            yield Check(label, partial(solvers.check_solver, label, solver, problem), first)
            if first:
                yield Check(label, partial(solvers.check_transformations, label, solver, problem))
            first = False


def _methods(catalogue: Catalogue, subjects: Catalogue, problems: list[SmallProblem]) -> Iterator[Check]:
    # Quick solvers first: the first one meets every method on every problem.
    entries = ordered(catalogue.entries("solvers"), SUITES["default"].solvers)
    partners = [entry.value for entry in entries]
    for method in catalogue.methods.values():
        if method in subjects.methods.values():
            yield from _method(method, partners, problems)
            yield from _large(method)
            continue
        for solver in () if bench_traits_of(method).costly else subjects.solvers.values():
            pairs = [Pair(method, solver, problem) for problem in problems]
            for pair in [pair for pair in pairs if _holds(lambda pair=pair: pair.supported)][:1]:
                yield Check(_label(pair), partial(methods.check_method, _label(pair), pair))


def _method(method: Any, partners: Iterable[Any], problems: list[SmallProblem]) -> Iterator[Check]:
    """Let a method meet, on each problem, the first solver it can differentiate and those not met yet.

    Of a rule that does not know the solver, linearity in the loss is shown with the first one.
    """
    met: list[Any] = []
    for problem in problems:
        pairs = [Pair(method, solver, problem) for solver in partners]
        for pair in pairs:
            yield Check(_label(pair), partial(methods.check_support, _label(pair), pair))
        supported = [pair for pair in pairs if _holds(lambda pair=pair: pair.supported)]
        if bench_traits_of(method).costly:
            supported = [] if met else supported[:1]
        for pair in [pair for pair in supported if pair is supported[0] or pair.solver not in met]:
            shown = pair is not supported[0] and pair.backward_is_its_own
            check = partial(methods.check_method, _label(pair), pair, linearity=not shown)
            yield Check(_label(pair), check, first=not met)
            if not met:
                yield Check(_label(pair), partial(methods.check_transformations, _label(pair), pair))
            met.append(pair.solver)


def _large(method: Any) -> Iterator[Check]:
    """Let a method meet the problems above the sizes at which code takes another route."""
    for large in large_problems():
        pair = Pair(method, large.solver, large.problem)
        asked = isinstance(method, RoutedMethod) or not large.routed
        if asked and not bench_traits_of(method).costly and _holds(lambda pair=pair: pair.supported):
            yield Check(_label(pair), partial(methods.check_linearity, _label(pair), pair))


def _label(pair: Pair) -> str:
    return f"{pair.method!r} with {pair.solver!r} on {pair.problem.label}"


def _own_problems(own: Catalogue) -> Iterator[SmallProblem]:
    for task in own.tasks.values():
        # On a wrong operator nothing converges: its own findings say enough.
        if _holds(lambda task=task: all(finding.passed for finding in _check_operator(task, IMAGE))):
            yield experts_problem(task, PseudoHuber())
    for cls in own.regularizers.values():
        for shape in starting_shapes(cls):
            yield SmallProblem(cls.__name__, Denoising(), cls.initial(shape, 0), shape)


def _measures(task: Task, shape: tuple[int, ...]) -> bool:
    return _holds(lambda: isinstance(task.operator(shape, 0), LinearOperator))


def _holds(question: Callable[[], bool]) -> bool:
    """Ask a plug-in; what it raises is reported by the check that asks again."""
    try:
        return question()
    except BaseException as error:
        failure_of(error)  # an interrupt goes on
        return False
