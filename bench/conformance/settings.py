"""Conformance of configurations: frozen, complete defaults, equal by value, a label that can be read back."""

import ast
import copy
import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from ... import hypergrad, problems, solvers
from .. import contenders
from .finding import Finding


def check_settings(subject: str, entry: Any) -> Iterator[Finding]:
    """Check a solver, method, task, ground truth or linear solver as a value.

    Two objects with equal fields must be equal and hash alike, or JAX traces again for each; the `repr` is
    the label in tables and records, and must name the object.
    """
    frozen = dataclasses.is_dataclass(entry) and type(entry).__dataclass_params__.frozen  # pyright: ignore
    yield Finding(subject, "frozen dataclass", bool(frozen), _sentence(frozen, "it can change under JAX"))
    if not frozen:
        return
    missing = _without_default(type(entry))
    yield Finding(
        subject, "defaults", not missing, f"fields without a default: {', '.join(missing) or 'none'}"
    )
    for one in (entry, *_changed(entry)):
        yield from _check_value(subject, one)
    unequal = [one for one in _changed(entry) if one == entry]
    yield Finding(
        subject, "settings matter", not unequal, f"equal to the default though changed: {unequal or 'none'}"
    )


def _check_value(subject: str, entry: Any) -> Iterator[Finding]:
    twin = copy.deepcopy(entry)
    same = twin == entry and _hash(twin) == _hash(entry) is not None
    yield Finding(
        subject,
        "equal by value",
        same,
        f"{entry!r} and its copy are {'' if same else 'not '}equal with equal hashes",
    )
    try:
        again = read_back(repr(entry), type(entry))
        equal, shown = again == entry, repr(again)
    except (ValueError, TypeError, SyntaxError) as error:
        equal, shown = False, str(error)
    yield Finding(subject, "label reads back", equal, f"{entry!r} reads back as {shown}")


def read_back(text: str, cls: type) -> Any:
    """Make the object that a label such as `Implicit(linear=Dense())` names; nothing else is executed.

    Raises:
        ValueError: if it is not such a call, or a class is not known.
    """
    known = {name: one for module in _modules(cls) for name, one in vars(module).items()}

    def make(node: ast.expr) -> Any:
        if not isinstance(node, ast.Call):
            return ast.literal_eval(node)
        made = known.get(ast.unparse(node.func))
        if not inspect.isclass(made):
            raise ValueError(f"{ast.unparse(node.func)} is no known class")
        named = {keyword.arg: make(keyword.value) for keyword in node.keywords if keyword.arg}
        return made(*map(make, node.args), **named)

    return make(ast.parse(text, mode="eval").body)


def _modules(cls: type) -> list[Any]:
    # Both problems and solvers have a `Dense`; settings hold solvers. The class's own module wins.
    own = inspect.getmodule(cls)
    return [problems, hypergrad, contenders, solvers, *([own] if own else [])]


def _changed(entry: Any) -> Iterator[Any]:
    """Yield copies with one number changed each, where the constructor accepts it."""
    for field in dataclasses.fields(entry):
        value = getattr(entry, field.name)
        if not isinstance(value, int | float) or not (field.init and field.compare):
            continue
        other = (not value) if isinstance(value, bool) else value * 2 + (0 if value else 1)
        try:
            yield dataclasses.replace(entry, **{field.name: other})
        except (ValueError, TypeError):
            continue


def _without_default(cls: type) -> list[str]:
    empty = dataclasses.MISSING
    return [
        field.name
        for field in dataclasses.fields(cls)
        if field.default is empty and field.default_factory is empty
    ]


def _hash(entry: Any) -> int | None:
    try:
        return hash(entry)
    except TypeError:
        return None


def _sentence(passed: Any, harm: str) -> str:
    return "it is one" if passed else f"it is not one: {harm}"
