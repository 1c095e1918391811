"""From a record back to the case that it was made of."""

from dataclasses import replace

from ..catalogue.kebab_case import kebab_case
from ..records.record import Record
from .case import Case
from .expand import expand
from .problem import Problem
from .request import Request


def recorded_case(record: Record, request: Request) -> Case | None:
    """Return the case of a request that has a record's id; None if there is none.

    Only the record's own problem is made, and only its own method is asked what it supports.

    Raises:
        UserError: if the record's problem can no longer be made.
    """
    if record.seed not in request.seeds:
        return None
    problems = [_with_method(problem, record) for problem in request.problems if _is_of(record, problem)]
    seeds = range(record.seed, record.seed + 1)
    own = replace(request, problems=tuple(one for one in problems if one.lineup.methods), seeds=seeds)
    cases = (case for group in expand(own).groups for case in group)
    return next((case for case in cases if case.id == record.id), None)


def _is_of(record: Record, problem: Problem) -> bool:
    """Tell whether a record is about a problem; its labels begin with the names."""
    return (
        _name(record.task) == problem.task.name
        and _name(record.regularizer) == problem.regularizer.name
        and record.size == "x".join(map(str, problem.shape))
        and (record.batch, record.dtype) == (problem.batch, problem.dtype)
    )


def _with_method(problem: Problem, record: Record) -> Problem:
    """Return the problem with the record's method alone; its partners are those that it has among others."""
    name, lineup = _name(record.method), problem.lineup
    methods = tuple(one for one in lineup.methods if kebab_case(type(one).__name__) == name)
    usual = tuple(one for one in lineup.usual if one in methods)
    return replace(problem, lineup=replace(lineup, methods=methods, usual=usual))


def _name(label: str) -> str:
    return kebab_case(label.partition("(")[0])
