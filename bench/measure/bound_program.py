"""Compiled programs of a contender, with the arguments that tell those apart that share one."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Array, Float

from .program import Program


@dataclass(frozen=True)
class BoundProgram:
    """A program with its last arguments: the tolerance, or none."""

    program: Program
    rest: tuple[Float[Array, ""], ...] = ()

    def __call__(self, *arguments: Any) -> Any:
        return self.program(*arguments, *self.rest)

    @property
    def identity(self) -> str:
        """A key that equal programs with equal arguments share."""
        return f"{self.program.identity}{[float(argument) for argument in self.rest]}"


@dataclass(frozen=True)
class ProgramSet:
    """The programs of one contestant, or of a sweep, whose budgets share them.

    Attributes:
        solve: the solve alone.
        total: the solve with its hypergradient.
        back: what the backward pass knows of itself; None if there is none.
        exact: the gradient by the exact adjoint; None where errors are not split.
    """

    solve: Program
    total: Program
    back: Program | None = None
    exact: Program | None = None

    def bound(self, rest: tuple[Float[Array, ""], ...]) -> "BoundPrograms":
        """Return the programs with their last arguments."""
        back, exact = (
            None if program is None else BoundProgram(program, rest) for program in (self.back, self.exact)
        )
        return BoundPrograms(BoundProgram(self.solve, rest), BoundProgram(self.total, rest), back, exact)


@dataclass(frozen=True)
class BoundPrograms:
    """The programs of one contestant: a `ProgramSet` at its tolerance."""

    solve: BoundProgram
    total: BoundProgram
    back: BoundProgram | None
    exact: BoundProgram | None
