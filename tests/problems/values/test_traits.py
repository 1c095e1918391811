"""Typed traits: an unknown name and a value of another kind are refused when they are said."""

from typing import Any

import jax.numpy as jnp
import pytest

from hypergrad_bench.bench.bench_traits import BenchTraits
from hypergrad_bench.hypergrad import Implicit, MethodTraits, hypergradient
from hypergrad_bench.problems import AnalysisL1, Dense, Identity, LowerLevel
from hypergrad_bench.solvers import Budget, DualFista, LinearSolverTraits, SolverTraits, solve


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


class Silent:
    """Says nothing of itself."""


class Wrong:
    """Says something else."""

    traits = "exact"


@pytest.mark.parametrize(("entry", "said"), [(Silent(), "missing"), (Wrong(), "exact")])
@pytest.mark.usefixtures("as_users_run")
def test_who_says_no_traits_is_told_what_is_accepted(entry: Any, said: str) -> None:
    """A sentence in the place of an AttributeError, from a solve, a rule and a linear solver alike."""
    lower = LowerLevel(Identity(), jnp.ones(3), AnalysisL1(Dense(jnp.eye(3)), jnp.ones(())))
    name = type(entry).__name__
    for call, wanted in (
        (lambda: solve(entry, Budget(), lower), "SolverTraits"),
        (lambda: Implicit()(entry, Budget(), lower), "SolverTraits"),
        (lambda: hypergradient(entry, DualFista(), Budget(), lower, jnp.sum), "MethodTraits"),
        (lambda: Implicit(linear=entry), "LinearSolverTraits"),
    ):
        with pytest.raises(
            TypeError, match=rf"{name}.traits is {said}; `traits = {wanted}\(\)` in the class"
        ):
            call()
