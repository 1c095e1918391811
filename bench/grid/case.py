"""What is measured: one case is one way to differentiate one instance of a problem."""

import functools
import hashlib
import re
from dataclasses import dataclass, replace
from typing import Any

from ...hypergrad.method import Method
from ...problems.ground_truth import FingerprintedTruth, GroundTruth
from ...problems.regularizer import Regularizer
from ...problems.task import Task
from ...solvers.budget import Budget
from ...solvers.solver import Solver
from ..catalogue.kebab_case import kebab_case


@dataclass(frozen=True)
class Instance:
    """Say what is solved: a task, a regulariser's starting parameters and a batch of ground truths.

    Attributes:
        weight: replaces the regulariser's starting weight, if given.
        shape: of one signal or image.
        batch: how many signals or images share the regulariser; the loss is the mean over them.
        dtype: "float64" or "float32".
        seed: of the ground truths, the operator, the noise and the starting parameters.
    """

    task: Task
    regularizer: type[Regularizer]
    weight: float | None
    data: GroundTruth
    shape: tuple[int, ...]
    batch: int
    dtype: str
    seed: int

    @property
    def task_label(self) -> str:
        """The task's name, with the settings that are not its defaults."""
        return label(self.task)

    @property
    def regularizer_label(self) -> str:
        """The regulariser's name, with its weight if that is not the starting one."""
        name = kebab_case(self.regularizer.__name__)
        return name if self.weight is None else f"{name}(weight={self.weight:g})"

    @property
    def size(self) -> str:
        """The shape as "64" or "32x32"."""
        return "x".join(map(str, self.shape))

    def describe(self) -> str:
        """Return one line for progress."""
        names = f"{self.task_label}, {self.regularizer_label}, {self.size}"
        return f"{names}, batch {self.batch}, {self.dtype}, seed {self.seed}"

    def problem(self) -> "Instance":
        """Return what stands for all that differ in seed and precision: programs are shared among them."""
        return replace(self, seed=0, dtype="float64")

    def double(self) -> "Instance":
        """Return the same instance in float64, in which its inputs are made and its reference is computed."""
        return replace(self, dtype="float64")


@dataclass(frozen=True)
class Contestant:
    """A way to differentiate: a solver with its budget and a method.

    Attributes:
        reason: why it does not apply, or empty.
        failure: what somebody else's code raised before there was anything to measure, or empty.
        sweep: names the method whose budget this is a point of, in suites that sweep budgets; else empty.
    """

    solver: Solver
    budget: Budget
    method: Method
    reason: str = ""
    sweep: str = ""
    failure: str = ""


@dataclass(frozen=True)
class Case:
    """One row of the grid."""

    instance: Instance
    contestant: Contestant

    def describe(self) -> str:
        """Return one line for progress."""
        method, solver = label(self.contestant.method), label(self.contestant.solver)
        return f"{method} with {solver}: {self.instance.describe()}"

    @functools.cached_property
    def id(self) -> str:
        """Twelve hexadecimal digits that name the case: the same settings give the same ones."""
        instance, contestant = self.instance, self.contestant
        fingerprint = instance.data.fingerprint() if isinstance(instance.data, FingerprintedTruth) else ""
        text = (
            instance.task_label,
            instance.regularizer_label,
            label(instance.data) + fingerprint,
            instance.size,
            instance.batch,
            instance.dtype,
            instance.seed,
            contestant.solver,
            contestant.budget,
            contestant.method,
        )
        return hashlib.sha256(repr(text).encode()).hexdigest()[:12]


def label(entry: Any) -> str:
    """Return the repr of a configuration with its name in kebab case and without empty brackets."""
    name, bracket, rest = repr(entry).partition("(")
    return kebab_case(name) + re.sub(r"^\(\)$", "", bracket + rest)
