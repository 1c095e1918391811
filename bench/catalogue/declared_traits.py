"""What solvers, linear solvers and methods say of themselves, and what is refused that nobody would read."""

import dataclasses
import difflib
import inspect
from typing import Any

from ...hypergrad.method_traits import MethodTraits
from ...solvers.linear.linear_solver_traits import LinearSolverTraits
from ...solvers.solver_traits import SolverTraits
from ..bench_traits import BenchTraits
from ..errors import UserError
from ..failure import failure_of

_TRAITS: dict[str, dict[str, type]] = {
    "solvers": {"traits": SolverTraits},
    "linear_solvers": {"traits": LinearSolverTraits},
    "methods": {"traits": MethodTraits, "bench_traits": BenchTraits},
}
"""The classes that hold the traits of each kind, by the attribute's name."""
_ALIKE = 0.8


def require_traits(entry: Any, kind: str) -> None:
    """Raise `UserError` unless a solver or method says its traits where they are read, and nowhere else.

    A flag on the class, such as `costly = True`, and a misspelt name would be a silent default.

    Args:
        entry: the object.
        kind: as a name of the catalogue's fields; other kinds have no traits.
    """
    due = _TRAITS.get(kind, {})
    for name, wanted in due.items():
        _refuse_stray_names(type(entry), kind, name, wanted)
    if due and BenchTraits not in due.values():
        _refuse_flags_of_methods(type(entry))
    for name, wanted in due.items():
        _require_kind(entry, name, wanted)


def _refuse_stray_names(cls: type, kind: str, name: str, wanted: type) -> None:
    """Refuse a flag that belongs among the traits, and nearly the name of the traits themselves."""
    own = {one for one in dir(cls) if not one.startswith("_")} | set(_settings_of(cls))
    for stray in sorted(own - set(_TRAITS[kind])):
        if name not in own and difflib.get_close_matches(stray, [name], cutoff=_ALIKE):
            raise UserError(f"{cls.__name__} has {stray!r}; did you mean {name!r}?")
        flag = _flag_of(cls, stray, wanted)
        if flag:
            raise UserError(
                f"{cls.__name__} has {stray!r}, which nobody reads; did you mean "
                f"`{name} = {wanted.__name__}({flag}=...)`?"
            )


def _refuse_flags_of_methods(cls: type) -> None:
    """Refuse on a solver what the bench has to know of methods alone."""
    said = {*dir(cls), *_settings_of(cls)}
    for name in (field.name for field in dataclasses.fields(BenchTraits)):
        if name in said:
            raise UserError(
                f"{cls.__name__} has {name!r}, which nobody reads: only methods say it, in `bench_traits`"
            )


def _flag_of(cls: type, stray: str, wanted: Any) -> str:
    """Return the trait that a name on the class is, or nearly is; an empty text for none."""
    # The accuracy of a rule that refines is a setting; on any other it was once what the checks grant.
    if wanted is BenchTraits and stray == "accuracy" and not hasattr(cls, "solve_to_accuracy"):
        return "granted_error"
    known = [field.name for field in dataclasses.fields(wanted)]
    return next(iter(difflib.get_close_matches(stray, known, n=1, cutoff=_ALIKE)), "")


def _require_kind(entry: Any, name: str, wanted: type) -> None:
    cls, due = type(entry), f"`{name} = {wanted.__name__}()`"
    if name in _settings_of(cls):
        raise UserError(f"{cls.__name__}.{name} is a setting; {due} without an annotation is accepted")
    held = inspect.getattr_static(cls, name, None)
    if held is None:
        if wanted is BenchTraits:
            return
        raise UserError(f"{cls.__name__} has no {name}; {due} in the class is the least that is accepted")
    try:
        value = held.fget(entry) if isinstance(held, property) and held.fget else held
    except BaseException as error:
        raise UserError(f"{cls.__name__}.{name} raised {failure_of(error)}; {due} is accepted") from error
    if not isinstance(value, wanted):
        raise UserError(f"{cls.__name__}.{name} is {value!r}; {due} is accepted")


def _settings_of(cls: Any) -> tuple[str, ...]:
    if not dataclasses.is_dataclass(cls):
        return ()
    return tuple(field.name for field in dataclasses.fields(cls))
