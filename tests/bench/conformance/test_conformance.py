"""Everything that is registered conforms, and nothing registered goes unchecked."""

import functools
import inspect
from functools import partial

import jax.numpy as jnp
import pytest

from findings import failed
from hypergrad_bench import problems
from hypergrad_bench.bench.catalogue.catalogue import Catalogue, built_in
from hypergrad_bench.bench.catalogue.kind import KINDS
from hypergrad_bench.bench.conformance import Check, Finding, check_all, checks
from hypergrad_bench.bench.conformance.examples import operator_check
from hypergrad_bench.bench.conformance.finding import bounded, distance, leafwise_distance
from hypergrad_bench.bench.conformance.methods import Pair, check_method
from hypergrad_bench.bench.conformance.methods import check_support as ask_method
from hypergrad_bench.bench.conformance.settings import read_back
from hypergrad_bench.bench.conformance.small_problem import experts_problem, small_problems
from hypergrad_bench.bench.conformance.solvers import check_solver
from hypergrad_bench.bench.conformance.solvers import check_support as ask_solver
from hypergrad_bench.bench.conformance.tasks import check_task
from hypergrad_bench.hypergrad import Implicit
from hypergrad_bench.problems import PiecewiseConstant, configuration
from hypergrad_bench.solvers import (
    Dense,
    GradientDescent,
    Nesterov,
)

NETWORKS = ("GradientStep", "Red", "ScalarPotential", "ImplicitDenoiser", "PlugAndPlay")


@functools.cache
def by_subject() -> dict[str, list[Check]]:
    """The checks of everything that is registered; listing them draws problems, so that imports do not."""
    # Some checks cost seconds; those of one subject share what they compile, so that they stay one test.
    found: dict[str, list[Check]] = {}
    for check in checks(built_in()):
        found.setdefault(asked_where_it_applies(check) or check.subject, []).append(check)
    return found


def asked_where_it_applies(check: Check) -> str | None:
    """The test of what only asks a method or a solver for its sentence: as tests by themselves, 2000."""
    if not isinstance(check.run, partial) or check.run.func not in (ask_method, ask_solver):
        return None
    asked = check.run.args[1]
    return f"{asked.method if isinstance(asked, Pair) else asked!r}, where it applies"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each subject; of none where slow tests are left out, as listing them takes seconds."""
    if "subject" in metafunc.fixturenames:
        subjects = by_subject() if metafunc.config.option.markexpr != "not slow" else ()
        metafunc.parametrize(
            "subject",
            [
                pytest.param(one, marks=pytest.mark.optimised if one.startswith(NETWORKS) else ())
                for one in subjects
            ],
        )


def test_what_is_registered_conforms(subject: str) -> None:
    """Every finding on every registered object passes."""
    findings = [finding for check in by_subject()[subject] for finding in check.findings()]
    assert findings
    assert [finding for finding in findings if not finding.passed] == []


MISSING = {
    (type(one.task), type(one.regularizer.potential))
    for one in small_problems()
    if isinstance(one.regularizer, problems.FieldsOfExperts)
}


left_out = functools.cache(experts_problem)  # two solvers share a reference


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov()], ids=repr)
@pytest.mark.parametrize("potential", [problems.PseudoHuber(), problems.LogCosh(), problems.Lorentzian()])
@pytest.mark.parametrize("task", [problems.Denoising(), problems.Inpainting(), problems.Deconvolution()])
def test_the_problems_that_the_latin_square_leaves_out(solver, potential, task) -> None:
    """Every task with every potential; the square has three of the nine."""
    if (type(task), type(potential)) in MISSING:
        pytest.skip("among the small problems")
    problem = left_out(task, potential)
    assert problem.reference is not None
    assert failed(check_solver("solver", solver, problem)) == set()
    assert failed(check_method("method", Pair(Implicit(), solver, problem))) == set()


def test_every_small_problem_has_a_reference() -> None:
    """A check that quietly has nothing to compare with is none."""
    assert [one.label for one in small_problems() if one.reference is None] == []


def test_the_kinds_of_the_catalogue_are_complete() -> None:
    """Whatever `problems` exports with the methods of an operator, a regulariser or a potential is one."""
    catalogue = built_in()
    assert set(catalogue.operators.values()) == public(problems.LinearOperator)
    assert set(catalogue.regularizers.values()) == public(problems.Regularizer)
    assert {type(one) for one in catalogue.potentials.values()} == public(problems.Potential)


def test_an_operator_without_an_example_is_a_finding() -> None:
    """A class that nobody can make is a class without a check."""

    class Needy:
        """An operator that says nothing of how to make one."""

        def __init__(self, kernel): ...

        __call__ = adjoint = squared_norm = problems.Identity.__call__

    (finding,) = operator_check(Needy).findings()
    assert not finding.passed
    assert "without a classmethod `example(shape, seed)`, Needy() is taken" in finding.detail
    assert "argument: 'kernel'" in finding.detail


def test_every_registered_kind_has_checks() -> None:
    """No entry of the catalogue is left out."""
    catalogue = built_in()
    subjects = " | ".join(by_subject())
    for kind, one in KINDS.items():
        for value in getattr(catalogue, kind).values():
            assert (value.__name__ if one.as_class else repr(value)) in subjects


def test_check_all_covers_only_what_is_asked_for() -> None:
    """One ground truth is one subject."""
    truth = PiecewiseConstant()
    findings = list(check_all(built_in(), Catalogue(data={"piecewise-constant": truth})))
    assert {finding.subject for finding in findings} == {repr(truth)}
    assert all(finding.passed for finding in findings)


def test_what_raises_is_a_finding() -> None:
    """A plug-in's exception does not end the other checks."""
    findings = list(Check("subject", partial(check_task, "subject", Raising(), (4,))).findings())
    assert findings == [Finding("subject", "runs", False, "RuntimeError: no operator today")]


@configuration
class Raising:
    """A task without an operator."""

    noise: float = 0.1

    def operator(self, shape, seed):
        """Raise."""
        raise RuntimeError("no operator today")


def test_distances() -> None:
    """They are infinite where there is nothing to compare, and see an error in a small leaf."""
    one = {"large": jnp.full(3, 100.0), "small": jnp.ones(2)}
    other = {"large": jnp.full(3, 100.0), "small": -jnp.ones(2)}
    assert distance(one, one) == 0
    assert distance(other, one) == pytest.approx(2 * 2**0.5 / 30002**0.5)
    assert leafwise_distance(other, one) == pytest.approx(2.0)
    assert distance(jnp.ones(2), jnp.ones(3)) == float("inf")
    assert distance(jnp.full(2, jnp.nan), jnp.ones(2)) == float("inf")
    assert not bounded("subject", "check", jnp.nan, 1.0).passed


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Implicit()", Implicit()), ("Implicit(linear=Dense())", Implicit(linear=Dense()))],
)
def test_labels_are_read_back(text: str, expected: Implicit) -> None:
    """Nested settings, and no name that is not a class of the project."""
    assert read_back(text, Implicit) == expected
    with pytest.raises(ValueError, match="no known class"):
        read_back("exit()", Implicit)


def public(protocol: type) -> set[type]:
    """The classes that `problems` exports and that keep a protocol."""
    classes = [cls for cls in vars(problems).values() if inspect.isclass(cls)]
    return {cls for cls in classes if not getattr(cls, "_is_protocol", False) and keeps(cls, protocol)}


def keeps(cls: type, protocol: type) -> bool:
    """Whether a class has the methods of a protocol."""
    offered = (type(public), classmethod)
    names = [name for name, value in vars(protocol).items() if isinstance(value, offered)]
    demanded = [name for name in names if not name.startswith("_") or name == "__call__"]
    return bool(demanded) and all(callable(getattr(cls, name, None)) for name in demanded)
