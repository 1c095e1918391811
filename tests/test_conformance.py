"""Everything that is registered conforms, and the checks see what does not."""

import dataclasses
import inspect
from functools import partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench import problems, solvers
from hypergrad_bench.bench.catalogue import Catalogue, built_in
from hypergrad_bench.bench.conformance import Check, Finding, check_all, checks, tasks
from hypergrad_bench.bench.conformance.finding import bounded, distance, leafwise_distance
from hypergrad_bench.bench.conformance.linear_solvers import check_linear_solver
from hypergrad_bench.bench.conformance.methods import Pair, check_method
from hypergrad_bench.bench.conformance.operators import check_operator
from hypergrad_bench.bench.conformance.registered import operator_samples, regularizer_samples
from hypergrad_bench.bench.conformance.regularizers import check_regularizer
from hypergrad_bench.bench.conformance.settings import check_settings, read_back
from hypergrad_bench.bench.conformance.small_problem import experts_problem, small_problems
from hypergrad_bench.bench.conformance.solvers import check_solver, check_transformations
from hypergrad_bench.bench.conformance.tasks import check_ground_truth, check_task
from hypergrad_bench.hypergrad import Implicit, OneStep
from hypergrad_bench.problems import Denoising, PiecewiseConstant, configuration, pytree
from hypergrad_bench.solvers import (
    Cg,
    Dense,
    GradientDescent,
    Lbfgs,
    LinearSolution,
    Nesterov,
    gradient_residual,
)

ALL = checks(built_in())
# Some checks cost seconds; those of one subject share what they compile, so that they stay one test.
SUBJECTS = list(dict.fromkeys(check.subject for check in ALL))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_is_registered_conforms(subject: str) -> None:
    """Every finding on every registered object passes."""
    findings = [finding for check in ALL if check.subject == subject for finding in check.findings()]
    assert findings
    assert [finding for finding in findings if not finding.passed] == []


MISSING = {
    (type(one.task), type(one.regularizer.potential))
    for one in small_problems()
    if isinstance(one.regularizer, problems.FieldsOfExperts)
}


@pytest.mark.parametrize("solver", [GradientDescent(), Nesterov()], ids=repr)
@pytest.mark.parametrize("potential", [problems.PseudoHuber(), problems.LogCosh(), problems.Lorentzian()])
@pytest.mark.parametrize("task", [problems.Denoising(), problems.Inpainting(), problems.Deconvolution()])
def test_the_problems_that_the_latin_square_leaves_out(solver, potential, task) -> None:
    """Every task with every potential; the square has three of the nine."""
    if (type(task), type(potential)) in MISSING:
        pytest.skip("among the small problems")
    problem = experts_problem(task, potential)
    assert problem.reference is not None
    assert failed(check_solver("solver", solver, problem)) == set()
    assert failed(check_method("method", Pair(Implicit(), solver, problem))) == set()


def test_every_small_problem_has_a_reference() -> None:
    """A check that quietly has nothing to compare with is none."""
    assert [one.label for one in small_problems() if one.reference is None] == []


def test_every_registered_operator_regularizer_and_potential_is_sampled() -> None:
    """A new class without a sample is a class without a check."""
    operators = {type(operator) for operator, _ in operator_samples().values()}
    regularizers = [regularizer for regularizer, _ in regularizer_samples().values()]
    potentials = {type(one.potential) for one in regularizers if isinstance(one, problems.FieldsOfExperts)}
    assert operators == public(problems.LinearOperator)
    assert {type(one) for one in regularizers} == public(problems.Regularizer)
    assert potentials == public(problems.Potential)


def test_every_registered_kind_has_checks() -> None:
    """No entry of the catalogue is left out."""
    catalogue = built_in()
    subjects = " | ".join(SUBJECTS)
    for kind in ("tasks", "data", "solvers", "linear_solvers", "methods"):
        assert all(repr(one) in subjects for one in getattr(catalogue, kind).values())
    assert all(cls.__name__ in subjects for cls in catalogue.regularizers.values())


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


# What follows breaks one contract each: a check that cannot fail is a defect.


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


def failed(findings) -> set[str]:
    """The names of the checks that failed."""
    found: list[Finding] = list(findings)
    assert found
    return {finding.check for finding in found if not finding.passed}


@pytree
class Scaled:
    """A multiple of the identity with an adjoint and a bound of its own."""

    scale: jax.Array
    back: jax.Array
    bound: float = problems.static(default=4.0)

    def __call__(self, x):
        """Scale."""
        return self.scale * x

    def adjoint(self, r):
        """Scale back."""
        return self.back * r

    def squared_norm(self, shape):
        """Return the bound."""
        del shape
        return self.bound


def scaled(**changes) -> Scaled:
    """A correct operator, with changes."""
    two = jnp.asarray(2.0)
    return dataclasses.replace(Scaled(two, two), **changes)


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        (scaled(), set()),
        (
            scaled(back=jnp.asarray(-2.0)),
            {"dot test, float64", "dot test, float32", "adjoint is the transpose"},
        ),
        (scaled(bound=3.9), {"squared norm is bounded"}),
        (scaled(bound=40.0), {"bound is useful"}),
    ],
    ids=["correct", "wrong adjoint", "norm too small", "norm too large"],
)
def test_operators_that_do_not_conform(operator, expected) -> None:
    """Each defect is named."""
    assert failed(check_operator("operator", operator, (3, 2))) == expected


@pytree
class Quadratic:
    """Half a squared norm whose gradient and Lipschitz constant can be wrong."""

    weight: jax.Array
    factor: float = problems.static(default=1.0)
    bound: float = problems.static(default=2.0)

    @classmethod
    def initial(cls, shape, seed):
        """Start at two."""
        del shape, seed
        return cls(jnp.asarray(2.0))

    def value(self, x):
        """Evaluate."""
        return 0.5 * self.weight * jnp.sum(jnp.square(x))

    def gradient(self, x):
        """Differentiate."""
        return self.factor * self.weight * x

    def lipschitz(self, shape):
        """Return the bound."""
        del shape
        return self.bound


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"factor": 0.5}, {"gradient of the value"}),
        ({"bound": 1.9}, {"Lipschitz constant is bounded"}),
    ],
    ids=["correct", "wrong gradient", "constant too small"],
)
def test_regularizers_that_do_not_conform(changes, expected) -> None:
    """Each defect is named."""
    regularizer = dataclasses.replace(Quadratic(jnp.asarray(2.0)), **changes)
    assert failed(check_regularizer("regularizer", regularizer, (5,))) == expected


@configuration
class Unseeded:
    """A task whose operator follows no seed."""

    noise: float = 0.1

    def operator(self, shape, seed):
        """Draw a mask."""
        del seed
        return problems.Mask(jnp.asarray(np.random.default_rng().random(shape)))


def test_a_task_that_follows_no_seed_does_not_conform() -> None:
    """Nobody could measure the same thing twice."""
    assert "same seed, same operator" in failed(check_task("task", Unseeded(), (8, 8)))


@pytest.mark.parametrize(
    ("factor", "offset", "expected"),
    [(2.0, 0.0, "level of the noise"), (1.0, 0.05, "noise without bias")],
)
def test_other_noise_than_a_task_says_is_found(factor, offset, expected, monkeypatch) -> None:
    """The statistics are measured, not believed."""

    def distorted(task, truths, seed):
        A, y = problems.measure(task, truths, seed)
        return A, truths + factor * (y - truths) + offset

    monkeypatch.setattr(tasks, "measure", distorted)
    assert failed(check_task("task", Denoising(), (8, 8))) == {expected}


@configuration
class Restless:
    """A ground truth that forgets its seed, appends nothing and has one split."""

    def sample(self, shape, count, seed, split="train"):
        """Return a sample that depends on the count alone."""
        del seed, split
        return PiecewiseConstant().sample(shape, count, count)

    def supports(self, shape):
        """Take everything for a signal."""
        del shape


def test_a_ground_truth_that_does_not_conform() -> None:
    """A sentence must say something, splits must differ, a larger count appends."""
    assert failed(check_ground_truth("truth", Restless(), (16,))) == {"more appends", "splits differ"}
    assert "supports (8, 8)" in failed(check_ground_truth("truth", Wordless(), (8, 8)))
    assert failed(check_ground_truth("truth", PiecewiseConstant(), (8, 8))) == set()


@configuration
class Wordless:
    """A ground truth that refuses without a word."""

    def sample(self, shape, count, seed, split="train"):
        """Refuse."""
        raise ValueError("no")

    def supports(self, shape):
        """Refuse without a word."""
        return ""


@configuration
class Careless:
    """A linear solver that stops at an absolute tolerance and reports success."""

    def solve_linear(self, matvec, rhs, *, start=None, preconditioner=None):
        """Take a few gradient steps unless the right-hand side is small."""
        value = Dense().solve_linear(matvec, rhs).value
        small = jnp.max(jnp.abs(rhs)) < 1e-6
        return LinearSolution(
            jnp.where(small, jnp.zeros_like(value), 1.01 * value),
            jnp.zeros((), rhs.dtype),
            jnp.ones((), jnp.int32),
        )


def test_a_linear_solver_that_does_not_conform() -> None:
    """A wrong solution, a residual that is not its own, and nothing for a tiny right-hand side."""
    found = failed(check_linear_solver("linear", Careless()))
    assert {"solution, float64", "honest residual, float64", "scales with a tiny right-hand side"} <= found


@configuration
class Misled:
    """A direct solve with one contract broken, whichever `broken` names."""

    broken: str = ""
    exact: bool = True
    symmetric_only: bool = False

    def solve_linear(self, matvec, rhs, *, start=None, preconditioner=None):
        """Solve: by an iteration for symmetric systems, or past what its hints say."""
        solver = Cg() if self.broken == "symmetric" else Dense()
        found = solver.solve_linear(matvec, rhs)
        if self.broken == "start" and start is not None:
            found = found._replace(value=found.value + 1e-3 * start, steps=found.steps + 1)
        if self.broken == "preconditioner" and preconditioner is not None:
            found = found._replace(value=preconditioner(rhs))
        if self.broken == "rough":
            value = 1.01 * found.value
            left = matvec(value) - rhs
            found = found._replace(value=value, residual=_norm(left) / jnp.maximum(_norm(rhs), 1e-300))
        return found


def _norm(v):
    return jnp.linalg.norm(v.ravel())


HINTS = ("start at the solution", "preconditioner")


@pytest.mark.parametrize(
    ("solver", "expected"),
    [
        (Misled(), set()),
        (Misled("symmetric"), {"nonsymmetric system"}),
        (Misled("symmetric", symmetric_only=True), set()),
        (
            Misled("start"),
            {"start far away", "start at the solution", *(f"{hint} costs no step" for hint in HINTS)},
        ),
        (Misled("preconditioner"), {"start far away", *HINTS}),
        (Misled("rough", exact=False), set()),
    ],
    ids=lambda one: repr(one) if isinstance(one, Misled) else None,  # sets have no fixed order
)
def test_linear_solvers_that_break_one_contract(solver, expected) -> None:
    """What a solver says of itself is what it is held to."""
    assert failed(check_linear_solver("linear", solver)) == expected


SMOOTH = small_problems()[4]


def test_the_smooth_problem_is_smooth() -> None:
    """What the following tests build on."""
    assert isinstance(SMOOTH.regularizer, problems.SmoothRegularizer)


@configuration
class Impostor:
    """Gradient descent with one contract broken, whichever `broken` names."""

    broken: str = ""

    def supports(self, lower):
        """Support what gradient descent does."""
        return GradientDescent().supports(lower)

    def init(self, lower):
        """Start as gradient descent does."""
        return GradientDescent().init(lower)

    def step(self, lower, state):
        """Step: elsewhere, hardly, in another layout, or twice under jit."""
        new = GradientDescent().step(lower, state)
        if self.broken == "biased":
            return new._replace(x=new.x + 1e-4)
        if self.broken == "lazy":
            return new._replace(x=state.x + 0.01 * (new.x - state.x))
        if self.broken == "widening":
            return new._replace(step_size=new.step_size.astype(jnp.float64))
        if self.broken == "impure" and isinstance(new.x, jax.core.Tracer):
            return GradientDescent().step(lower, new)
        return new

    def iterate(self, lower, state):
        """Read the iterate."""
        del lower
        return state.x

    def residual(self, lower, state):
        """Measure the gradient, or nothing."""
        true = gradient_residual(lower, state.x)
        return jnp.zeros_like(true) if self.broken in ("blind", "biased", "lazy") else true


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        ("", set()),
        ("biased", {"right solution", "residual sees the distance"}),
        ("lazy", {"right solution", "residual sees the distance", "solution is a fixed point"}),
        ("blind", {"residual sees the distance"}),
        ("widening", {"step keeps the state's layout, float32", "keeps float32"}),
        ("impure", {"jit changes nothing"}),
    ],
)
def test_solvers_that_do_not_conform(broken, expected) -> None:
    """Each defect is named."""
    solver = Impostor(broken)
    found = failed(check_solver("solver", solver, SMOOTH))
    assert expected <= found | failed(check_transformations("solver", solver, SMOOTH))
    assert bool(expected) or not found


@configuration
class Opaque:
    """L-BFGS that does not say that reverse mode cannot cross its step."""

    def supports(self, lower):
        """Support what L-BFGS does."""
        return Lbfgs().supports(lower)

    def init(self, lower):
        """Start as L-BFGS does."""
        return Lbfgs().init(lower)

    def step(self, lower, state):
        """Step as L-BFGS does."""
        return Lbfgs().step(lower, state)

    def iterate(self, lower, state):
        """Read the iterate."""
        return Lbfgs().iterate(lower, state)

    def residual(self, lower, state):
        """Measure the gradient."""
        return Lbfgs().residual(lower, state)


def test_a_solver_must_say_that_reverse_mode_cannot_cross_it() -> None:
    """Else unrolling would fail in the middle of a run."""
    assert failed(check_solver("solver", Opaque(), SMOOTH)) == {"reverse mode crosses the step"}


@configuration
class Retraced:
    """A method that is equal to no copy of itself, so that JAX traces it again for each."""

    accuracy: ClassVar[float] = 1e-6

    def supports(self, solver, lower):
        """Support what implicit differentiation does."""
        return Implicit().supports(solver, lower)

    def __call__(self, solver, budget, lower):
        """Solve the lower level."""
        return Implicit()(solver, budget, lower)

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
    """One-step differentiation that claims to be exact, at an accuracy."""

    accuracy: float = 1e-6

    def supports(self, solver, lower):
        """Support what one-step differentiation does."""
        return OneStep().supports(solver, lower)

    def __call__(self, solver, budget, lower):
        """Solve the lower level."""
        return OneStep()(solver, budget, lower)


@pytest.mark.parametrize(("accuracy", "expected"), [(1e-6, {"hypergradient"}), (1.0, set())])
def test_an_inexact_method_cannot_pass_for_an_exact_one(accuracy: float, expected: set[str]) -> None:
    """A method is held to the accuracy that it claims."""
    assert failed(check_method("method", Pair(Claiming(accuracy), Nesterov(), SMOOTH))) == expected


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
