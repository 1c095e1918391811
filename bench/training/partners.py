"""Which method and which solver train a regulariser: those that were asked for, or the first that fit."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from ...hypergrad.method import Method
from ...hypergrad.rules.implicit import Implicit
from ...problems.lower_level import LowerLevel
from ...solvers.solver import Solver
from ..catalogue.catalogue import Catalogue, ordered
from ..catalogue.entry import Origin
from ..catalogue.typed_call import typed_call, with_settings
from ..errors import UserError
from ..grid.answer import ask
from ..grid.contestants import fitting_implicit
from ..grid.lineup import METHOD_ORDER
from ..grid.suites import suite_of


class Partners(NamedTuple):
    """A method and the solver whose solutions it differentiates."""

    method: Method
    solver: Solver


def partners(catalogue: Catalogue, lower: LowerLevel, method: str | None, solver: str | None) -> Partners:
    """Return the method and the solver with these names and settings, or the first that fit the rest.

    Methods are tried in the order in which `hgb run` measures them, exact ones first; contenders only if they
    are asked for. Of `Implicit` without settings it is the one whose condition the lower level has.

    Raises:
        UserError: for an unknown name or setting, or if they do not apply to the lower level, with why.
    """
    methods = _methods(catalogue, lower, method)
    solvers = _solvers(catalogue, solver)
    refusals = []
    for one in methods:
        for other in solvers:
            refusal = _refusal(lower, one, other)
            if refusal is None:
                return Partners(one, other)
            refusals.append(refusal)
    raise UserError(refusals[0] if len(refusals) == 1 else _nothing(lower, refusals, method, solver))


def solver_named(catalogue: Catalogue, text: str) -> Solver:
    """Return the solver with this name and these settings; raise `UserError` for an unknown one."""
    return _named(catalogue, "solvers", text)


def _methods(catalogue: Catalogue, lower: LowerLevel, text: str | None) -> list[Method]:
    if text is None:
        entries = ordered(catalogue.entries("methods"), METHOD_ORDER)
        found: Iterable[Any] = [one.value for one in entries if one.origin is not Origin.CONTENDER]
    else:
        found = [_named(catalogue, "methods", text)]
    return [fitting_implicit(lower) if one == Implicit() else one for one in found]


def _solvers(catalogue: Catalogue, text: str | None) -> list[Solver]:
    if text is not None:
        return [solver_named(catalogue, text)]
    return [one.value for one in ordered(catalogue.entries("solvers"), suite_of("default").solvers)]


def _named(catalogue: Catalogue, kind: str, text: str) -> Any:
    call = typed_call(text, kind.removesuffix("s"))
    (entry,) = catalogue.entries(kind, [call.name])
    return with_settings(entry, call.settings, kind.removesuffix("s"))


def _refusal(lower: LowerLevel, method: Method, solver: Solver) -> str | None:
    """Say why a pair does not apply, in a sentence, or return None."""
    for who, answer in (
        (f"{solver!r}", ask(solver.supports, lower)),
        (f"{method!r} with {solver!r}", ask(method.supports, solver, lower)),
    ):
        if not answer.yes:
            return f"{who}: {answer.reason or answer.failure}"
    return None


def _nothing(lower: LowerLevel, refusals: list[str], method: str | None, solver: str | None) -> str:
    asked = " and ".join(filter(None, (method, solver))) or "no method with any solver"
    name = type(lower.regularizer).__name__
    return f"{asked} does not fit {name}, for example: {refusals[0]}; {refusals[-1]}"
