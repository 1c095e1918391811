"""Typed traits: an unknown name and a value of another kind are refused when they are said."""

from typing import Any

import pytest

from hypergrad_bench.bench.bench_traits import BenchTraits
from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.solvers import LinearSolverTraits, SolverTraits


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (
            MethodTraits,
            {"exat": False},
            r"MethodTraits has no 'exat'; did you mean 'exact'\? It has exact",
        ),
        (
            SolverTraits,
            {"checks": True},
            r"SolverTraits has no 'checks'.* It has differentiable_step",
        ),
        (LinearSolverTraits, {"colour": True}, r"LinearSolverTraits has no 'colour'\. It has symmetric_only"),
        (MethodTraits, {"exact": "perhaps"}, "exact must be True or False; got 'perhaps'"),
        (SolverTraits, {"one_at_a_time": 1}, "one_at_a_time must be True or False; got 1"),
        (BenchTraits, {"granted_error": "much"}, "granted_error must be a number; got 'much'"),
    ],
)
def test_what_is_refused(kind: Any, given: dict[str, Any], message: str) -> None:
    """With the nearest name, or with what is accepted."""
    with pytest.raises(TypeError, match=message):
        kind(**given)


def test_they_are_values() -> None:
    """Equal by value, hashable, frozen; every statement is named."""
    assert MethodTraits(exact=False) == MethodTraits(exact=False) != MethodTraits()
    assert hash(SolverTraits()) == hash(SolverTraits())
    with pytest.raises(AttributeError):
        MethodTraits().exact = False  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        MethodTraits(False)  # pyright: ignore[reportCallIssue]
