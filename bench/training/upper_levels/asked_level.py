"""The upper level that a request names, with its settings; what does not go with it is refused."""

import dataclasses
from typing import Any, NamedTuple

from .... import hypergrad
from ....hypergrad.upper_levels.pair_solves import PairSolves
from ....hypergrad.upper_levels.schedules import PowerDecay
from ....hypergrad.upper_levels.upper_level import BatchLevel, UpperLevel
from ....problems.values.validation import is_known
from ....solvers.solver import PointSolver, Solver
from ...catalogue.entry import Entry, Origin
from ...catalogue.kebab_case import kebab_case
from ...catalogue.kind import public_classes
from ...catalogue.typed_call import TypedCall, typed_call, with_settings
from ...errors import UserError, nearest
from ...failure import failure_of
from ..request import TrainingRequest

UPPER_LEVELS: dict[str, UpperLevel] = {
    kebab_case(cls.__name__): cls() for cls in public_classes(hypergrad) if hasattr(cls, "demand")
}
"""Those that `hypergrad` exports, by the names that one types."""
BATCH = 5
"""Pairs per step of one that takes batches, if nobody says how many."""
_KIND = "upper level"


class _Foreign(NamedTuple):
    """An option that says what an upper level decides itself: its field, its only value, and who decides."""

    option: str
    field: str
    accepted: Any
    why: str


_FOREIGN = (
    _Foreign("--method", "method", None, "it solves the adjoint equations itself, by conjugate gradients"),
    _Foreign("--optimizer", "optimizer", None, "it makes its steps itself"),
    _Foreign("--schedule", "schedule", "constant", "its step sizes follow a rule of its own"),
    _Foreign("--learn", "learn", (), "it moves all parameters"),
    _Foreign("--keep", "keeping", "projection", "it keeps parameters in their range itself"),
    _Foreign("--tolerance", "tolerance", None, "accuracies are settings in brackets, see `hgb list`"),
    _Foreign("--starts", "starts", "warm", "its solves go on from the last solutions"),
    _Foreign("--failed-steps", "failed_steps", "skip", "a step that cannot be trusted is never taken"),
    _Foreign("--devices", "devices", 1, "it runs on one device"),
)


def asked_level(request: TrainingRequest, solver: Solver | None) -> UpperLevel:
    """Return the upper level that a request asks for.

    Settings in brackets are numbers; one in the place of a schedule is its first value. `rate` is the first
    step size, `batch` the pairs of a step, `max_steps` the limit of one solve.

    Args:
        request: with an upper level.
        solver: of the lower levels; the upper level's own for none.

    Raises:
        UserError: for an unknown name or setting, or for an option that does not go with it.
    """
    assert request.upper_level is not None
    call = typed_call(request.upper_level, _KIND)
    name = kebab_case(call.name)
    if name not in UPPER_LEVELS:
        raise UserError(nearest(name, UPPER_LEVELS, kind=_KIND))
    level = UPPER_LEVELS[name]
    _refuse(name, level, request)
    settings = _settings(name, level, TypedCall(name, call.settings), request)
    settings["solves"] = _solves(name, request, solver)
    return with_settings(Entry(name, level, Origin.LIBRARY), settings, _KIND)


def _refuse(name: str, level: UpperLevel, request: TrainingRequest) -> None:
    """Raise `UserError` for an option that says what the upper level decides itself."""
    for option, field, accepted, why in _FOREIGN:
        if getattr(request, field) != accepted:
            raise UserError(f"{option} does not go with --upper-level {name}: {why}; leave it out")
    if request.batch is not None and not isinstance(level, BatchLevel):
        raise UserError(
            f"--batch does not go with --upper-level {name}: every step takes all pairs, over which its "
            "search compares the loss; leave it out, or give fewer --pairs"
        )


def _settings(name: str, level: Any, call: TypedCall, request: TrainingRequest) -> dict[str, Any]:
    """Return the settings in brackets and those that options stand for, as the fields' own types."""
    given = dict(call.settings)
    known = [one.name for one in dataclasses.fields(level) if _is_typed(one.name, getattr(level, one.name))]
    for setting, value in given.items():
        if setting not in known:
            raise UserError(nearest(setting, known, kind=f"setting of the {_KIND} {name!r}"))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UserError(f"the setting {setting!r} of the {_KIND} {name!r} is a number; got {value!r}")
    first = "steps" if isinstance(level, BatchLevel) else "step_size"
    if request.rate is not None:
        if first in given:
            raise UserError(f"--rate and the setting {first!r} of {name!r} are the same; give one")
        given[first] = request.rate
    own = {setting: _own(setting, value, getattr(level, setting), name) for setting, value in given.items()}
    return own | ({"batch": request.batch or BATCH} if isinstance(level, BatchLevel) else {})


def _is_typed(setting: str, default: Any) -> bool:
    """Tell whether a field is set in brackets: numbers and schedules, but for what options stand for."""
    return setting not in ("batch", "seed") and (
        isinstance(default, PowerDecay) or (is_known(default) and isinstance(default, int | float))
    )


def _own(setting: str, value: float | int, default: Any, name: str) -> Any:
    """Return a number in the place of a field: as it is, or as the first value of a schedule."""
    if not isinstance(default, PowerDecay):
        return value
    try:
        return dataclasses.replace(default, first=value)
    except ValueError as error:
        raise UserError(f"the {_KIND} {name!r} refuses {setting}={value}: {failure_of(error)}") from error


def _solves(name: str, request: TrainingRequest, solver: Solver | None) -> PairSolves:
    usual = PairSolves()
    if solver is not None and not isinstance(solver, PointSolver):
        raise UserError(
            f"--upper-level {name} goes on from the last solutions, where {solver!r} cannot begin; accepted "
            "are solvers that begin at any point, such as nesterov"
        )
    return PairSolves(solver or usual.solver, request.max_steps or usual.max_steps)
