"""Methods and settings that break a contract are found."""

import dataclasses

import pytest

from findings import SMOOTH, failed
from hypergrad_bench import solvers
from hypergrad_bench.bench.bench_traits import BenchTraits
from hypergrad_bench.bench.conformance.methods import Pair, check_method
from hypergrad_bench.bench.conformance.settings import check_settings
from hypergrad_bench.hypergrad import Implicit, MethodTraits, OneStep
from hypergrad_bench.problems import configuration
from hypergrad_bench.solvers import (
    Nesterov,
)


@configuration
class Retraced:
    """A method that is equal to no copy of itself, so that JAX traces it again for each."""

    traits = MethodTraits()

    def supports(self, solver, lower):
        """Support what implicit differentiation does."""
        return Implicit().supports(solver, lower)

    def __call__(self, solver, budget, lower, start=None):
        """Solve the lower level."""
        return Implicit()(solver, budget, lower, start)

    def __eq__(self, other):
        """Be nobody else."""
        return self is other

    def __hash__(self):
        """Hash by identity."""
        return id(self)


def test_a_method_without_value_equality_is_traced_again() -> None:
    """Both the settings and the traces show it."""
    assert failed(check_method("method", Pair(Retraced(), Nesterov(), SMOOTH))) == {"one trace"}
    assert "equal by value" in failed(check_settings("method", Retraced()))


@dataclasses.dataclass(frozen=True)
class Claiming:
    """One-step differentiation that claims to be exact, up to an error."""

    granted: float = 1e-6
    traits = MethodTraits()

    @property
    def bench_traits(self):
        """What the checks grant."""
        return BenchTraits(granted_error=self.granted)

    def supports(self, solver, lower):
        """Support what one-step differentiation does."""
        return OneStep().supports(solver, lower)

    def __call__(self, solver, budget, lower, start=None):
        """Solve the lower level."""
        return OneStep()(solver, budget, lower, start)


@pytest.mark.parametrize(("granted", "expected"), [(1e-6, {"hypergradient"}), (1.0, set())])
def test_an_inexact_method_cannot_pass_for_an_exact_one(granted: float, expected: set[str]) -> None:
    """A method is held to the error that it is granted."""
    assert failed(check_method("method", Pair(Claiming(granted), Nesterov(), SMOOTH))) == expected


@dataclasses.dataclass
class Loose:
    """Settings that can change, and one without a default."""

    steps: int


def test_settings_that_do_not_conform() -> None:
    """They must be frozen, complete, and part of equality."""
    assert failed(check_settings("settings", Loose(1))) == {"frozen dataclass"}
    frozen = dataclasses.make_dataclass(
        "Frozen", [("steps", int, dataclasses.field(compare=False))], frozen=True
    )
    assert "defaults" in failed(check_settings("settings", frozen(1)))
    assert failed(check_settings("settings", solvers.Cg())) == set()
