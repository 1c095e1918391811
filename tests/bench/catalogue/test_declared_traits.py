"""A plug-in says its traits where they are read; what nobody would read is refused with the right name."""

import dataclasses
from pathlib import Path

import pytest

from hypergrad_bench.bench.bench_traits import BenchTraits, bench_traits_of
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.plugin import with_plugins
from hypergrad_bench.bench.errors import UserError
from hypergrad_bench.hypergrad import FiniteDifference, Implicit, MethodTraits, Unrolled
from hypergrad_bench.solvers import Neumann

HEAD = """
from hypergrad_bench.bench.bench_traits import BenchTraits
from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.problems import configuration
from hypergrad_bench.solvers import LinearSolverTraits, SolverTraits
"""
METHOD = """
@configuration
class Mine:
    {}

    def supports(self, solver, lower):
        return None

    def __call__(self, solver, budget, lower, start=None):
        raise RuntimeError
"""
SOLVER = """
@configuration
class Mine:
    {}
    supports = init = step = iterate = residual = lambda self, *given: None
"""
LINEAR = """
@configuration
class Mine:
    {}
    solve_linear = lambda self, matvec, rhs, *, start=None, preconditioner=None: None
"""


@pytest.mark.parametrize(
    ("template", "said", "message"),
    [
        (METHOD, "pass", r"Mine has no traits; `traits = MethodTraits\(\)` in the class is the least"),
        (SOLVER, "pass", r"Mine has no traits; `traits = SolverTraits\(\)`"),
        (LINEAR, "pass", r"Mine has no traits; `traits = LinearSolverTraits\(\)`"),
        (METHOD, "trait = MethodTraits()", r"Mine has 'trait'; did you mean 'traits'\?"),
        (SOLVER, "Traits = SolverTraits()", r"Mine has 'Traits'; did you mean 'traits'\?"),
        (METHOD, "traits = MethodTraits(exat=False)", "MethodTraits has no 'exat'; did you mean 'exact'"),
        (METHOD, "traits = MethodTraits(exact=0)", "exact must be True or False; got 0"),
        (METHOD, "traits = SolverTraits()", r"traits is SolverTraits\(.*\); `traits = MethodTraits\(\)`"),
        (METHOD, "traits: MethodTraits = MethodTraits()", "traits is a setting; .* without an annotation"),
        (METHOD, "traits = property(lambda self: 1 / 0)", "Mine.traits raised ZeroDivisionError"),
        (METHOD, "costly = True", r"'costly', which nobody reads; .*`bench_traits = BenchTraits\(costly="),
        (SOLVER, "in_a_child = True", "Mine has 'in_a_child', which nobody reads: only methods say it"),
        (LINEAR, "costly: bool = True", "Mine has 'costly', which nobody reads: only methods say it"),
        (METHOD, "in_a_child: bool = True", r"`bench_traits = BenchTraits\(in_a_child=\.\.\.\)`"),
        (METHOD, "accuracy = 1e-4", r"`bench_traits = BenchTraits\(granted_error=\.\.\.\)`"),
        (METHOD, "exact = False", r"Mine has 'exact', which nobody reads; .*`traits = MethodTraits\(exact="),
        (METHOD, "uses_every_steps = True", r"`traits = MethodTraits\(uses_every_step=\.\.\.\)`"),
        (
            METHOD,
            "traits = MethodTraits()\n    bench_trait = BenchTraits()",
            r"Mine has 'bench_trait'; did you mean 'bench_traits'\?",
        ),
        (SOLVER, "differentiable_step = False", r"`traits = SolverTraits\(differentiable_step=\.\.\.\)`"),
        (LINEAR, "symmetric_only = True", r"`traits = LinearSolverTraits\(symmetric_only=\.\.\.\)`"),
    ],
)
def test_what_is_refused(template: str, said: str, message: str, tmp_path: Path) -> None:
    """In one sentence, with the file's name, before anything is measured."""
    path = tmp_path / "plugin.py"
    path.write_text(HEAD + template.format(said))
    with pytest.raises(UserError, match=message) as refused:
        with_plugins(built_in(), [path])
    assert "plugin.py" in str(refused.value)


@pytest.mark.parametrize(
    "said",
    [
        "traits = MethodTraits(exact=False)",
        "traits = property(lambda self: MethodTraits())\n    bench_traits = BenchTraits(costly=True)",
        "depth: int = 3\n    traits = MethodTraits()",
    ],
)
def test_what_is_accepted(said: str, tmp_path: Path) -> None:
    """A class attribute, or a property where it depends on settings; traits of the bench can be left out."""
    path = tmp_path / "plugin.py"
    path.write_text(HEAD + METHOD.format(said))
    assert isinstance(with_plugins(built_in(), [path]).methods["mine"].traits, MethodTraits)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (
            "__call__(self, solver, budget, lower)",
            r"takes .*; \(self, solver, budget, lower, start\)",
        ),
        (
            "backward(self, solver, budget, lower, solution, cotangent)",
            r"Mine.backward takes .*; \(self, solved, cotangent\) is accepted",
        ),
        ("tangent(self, solver, lower, solution, moved)", r"\(self, solved, direction\) is accepted"),
    ],
)
def test_arguments_of_an_earlier_version_are_refused(signature: str, message: str, tmp_path: Path) -> None:
    """With what is accepted, instead of an exception in the middle of a run."""
    path = tmp_path / "plugin.py"
    path.write_text(
        HEAD + METHOD.format("traits = MethodTraits()") + f"\n    def {signature}:\n        pass\n"
    )
    with pytest.raises(UserError, match=message):
        with_plugins(built_in(), [path])


def test_traits_that_depend_on_settings() -> None:
    """A rule is exact with some settings and not with others."""
    warm = MethodTraits(adjoint_can_start=True)
    assert Implicit().traits == dataclasses.replace(warm, adjoint_of_energy=True)
    assert Implicit(Neumann()).traits == dataclasses.replace(warm, exact=False, adjoint_of_energy=True)
    assert Implicit(on="fixed-point").traits == warm
    assert Unrolled().traits == MethodTraits(uses_every_step=True)
    assert not Unrolled(last=3).traits.exact


def test_what_the_bench_has_to_know_of_a_method() -> None:
    """The library's rules do not say it themselves; `accuracy` is a setting of one of them alone."""
    assert bench_traits_of(Implicit(accuracy=1e-3)) == BenchTraits()
    assert bench_traits_of(FiniteDifference()) == BenchTraits(granted_error=1e-4, costly=True)
    costly = {name for name, one in built_in().methods.items() if bench_traits_of(one).costly}
    assert costly == {"finite-difference", "forward-mode", "spsa"}
    in_a_child = {name for name, one in built_in().methods.items() if bench_traits_of(one).in_a_child}
    assert in_a_child == {"deepinv-deq", "diffcp-implicit", "torchdeq-implicit"}
