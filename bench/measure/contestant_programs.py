"""The programs of a group's contestants: traced one after the other, compiled two at a time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax

from ...hypergrad.method import AdjointMethod
from ..grid.case import Case, Contestant
from ..grid.inputs import Inputs, lower_level
from ..grid.suites import Suite
from ..grid.sweeps import shares_program, without_tolerance
from .bound_program import BoundPrograms, ProgramSet
from .program import Compiler, Program, persistent_cache_off
from .programs import (
    look_back,
    pull_back,
    solve_and_differentiate,
    solve_only,
    with_tolerance,
)
from .quick_compile import quick_compiler
from .split import exact_adjoint

SIDE_BY_SIDE = 2
"""Programs that are compiled at the same time; nothing is timed meanwhile."""


class BegunPrograms(NamedTuple):
    """A contestant's programs, compiled or being compiled, and the traces that new data cost."""

    programs: BoundPrograms
    retraces: int


@dataclass
class ContestantPrograms:
    """Make the programs of contestants once per shape; those that are never timed are compiled quickly.

    Args:
        suite: whose options they are, and whether errors are split.
    """

    suite: Suite
    _timed: Compiler = field(init=False)
    _untimed: Compiler = field(init=False)
    _made: dict[Any, ProgramSet] = field(default_factory=dict)

    def __post_init__(self) -> None:
        beside = ThreadPoolExecutor(SIDE_BY_SIDE)
        self._timed = Compiler(self.suite.compiler_options, beside)
        self._untimed = quick_compiler(self.suite.untimed_level, beside)

    @contextmanager
    def compiling_beside(self) -> Iterator[None]:
        """Let programs be compiled while others are traced and run; end with none being compiled."""
        try:
            with persistent_cache_off():
                yield
                self._timed.wait()
                self._untimed.wait()
        except BaseException:  # an interrupt: nobody waits for what is still to be compiled
            self.forget()
            raise

    def of_case(self, case: Case, inputs: Inputs) -> BegunPrograms:
        """Return a case's programs; raise whatever its contestant raises while it is traced."""
        contestant, rest = case.contestant, ()
        if shares_program(contestant):
            rest = (jax.numpy.asarray(contestant.budget.tolerance, case.instance.dtype),)
            contestant = without_tolerance(contestant)
        key = (replace(case.instance, seed=0), contestant)
        if key not in self._made:
            self._made[key] = self._make(contestant, inputs, rest)
        programs = self._made[key].bound(rest)
        return BegunPrograms(programs, programs.total.program.retraces(inputs, *rest))

    def forget(self) -> None:
        """Drop all programs."""
        self._timed.forget()
        self._untimed.forget()
        self._made.clear()

    def _make(self, contestant: Contestant, inputs: Inputs, rest: tuple[jax.Array, ...]) -> ProgramSet:
        name = f"{contestant.method!r} with {contestant.solver!r}"

        def compiled(compiler: Compiler, function: Any, *arguments: Any, who: Contestant) -> Program:
            program = with_tolerance(function, who) if rest else function(who)
            return compiler.compile_program(program, *arguments, *rest, name=name)

        solve = compiled(self._timed, solve_only, inputs, who=contestant)
        total = compiled(self._timed, solve_and_differentiate, inputs, who=contestant)
        if not isinstance(contestant.method, AdjointMethod):
            return ProgramSet(solve, total)
        solution = solve.shapes(inputs, *rest)
        back = compiled(self._untimed, look_back, inputs, solution, who=contestant)
        exact = self._exact(contestant, inputs)
        if exact is None:
            return ProgramSet(solve, total, back)
        return ProgramSet(solve, total, back, compiled(self._untimed, pull_back, inputs, solution, who=exact))

    def _exact(self, contestant: Contestant, inputs: Inputs) -> Contestant | None:
        """Return the contestant with the adjoint that errors are split by, in suites that split them."""
        if self.suite.sweep is None:
            return None
        lower = lower_level(inputs, 0)
        method = exact_adjoint(lower)
        supported = method.supports(contestant.solver, lower) is None
        return replace(contestant, method=method) if supported else None
