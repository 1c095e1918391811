"""Checks of operators and potentials, which no task and no regulariser need use with its defaults."""

import dataclasses
from collections.abc import Iterator
from functools import partial

from ...problems.linear_operator import ExampleOperator, LinearOperator
from ...problems.regularizers.experts.fields_of_experts import FieldsOfExperts
from ...problems.regularizers.experts.potentials import Potential
from ..failure import failure_of
from . import operators, regularizers
from .finding import Check, Finding
from .small_problem import IMAGE, SHAPES, size

SHAPE = (6, 7)
"""Of the images on which potentials are checked."""
OBLONG = (8, 12)
"""Of the image on which operators are checked instead of a square one, where mixed-up sides do not show."""


def operator_check(cls: type[LinearOperator]) -> Check:
    """Return the check of an operator: of its examples, or of the one that is made without arguments."""
    return Check(cls.__name__, partial(_check_examples, cls))


def potential_check(potential: Potential) -> Check:
    """Return the check of a potential: that of fields of experts with it."""
    experts = dataclasses.replace(FieldsOfExperts.initial(SHAPE, 0), potential=potential)
    label = f"FieldsOfExperts, {potential!r}"
    return Check(label, partial(regularizers.check_regularizer, label, experts, SHAPE))


def _check_examples(cls: type[LinearOperator]) -> Iterator[Finding]:
    answers = {shape: _example(cls, shape) for shape in (*SHAPES, OBLONG)}
    examples = {shape: one for shape, one in answers.items() if not isinstance(one, str)}
    refusals = {one for one in answers.values() if isinstance(one, str)}
    yield Finding(
        cls.__name__,
        "has an example",
        bool(examples),
        f"of {[*answers]} it has one for {list(examples)}; without a classmethod "
        f"`example(shape, seed)`, {cls.__name__}() is taken{''.join(f'; {one}' for one in sorted(refusals))}",
    )
    if OBLONG in examples:
        examples.pop(IMAGE, None)
    for shape, operator in examples.items():
        yield from operators.check_operator(f"{cls.__name__}, {size(shape)}", operator, shape)


def _example(cls: type[LinearOperator], shape: tuple[int, ...]) -> LinearOperator | str:
    """Return an operator for signals of a shape, or what making it raised."""
    try:
        return cls.example(shape, 0) if issubclass(cls, ExampleOperator) else cls()
    except BaseException as error:
        return failure_of(error)
