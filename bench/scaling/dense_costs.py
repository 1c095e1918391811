"""What each rule costs on l1 denoising of signals with a dense analysis operator, solved on the dual.

A product with W of k rows and n columns takes 2 k n operations a signal; a batch shares W, which is read once
a product. This is the problem of BLORC, whose closed form needs a projection on the null space of the active
rows: a few steps of conjugate gradients, and where these are not enough a Cholesky factor for each signal.
"""

import math
from dataclasses import dataclass

from .program_cost import CALL, LOOP, Number, ProgramCost, ProgramWork
from .smooth_costs import Effort

LOOK_EVERY = 10
TAPE, RECORDED_TAPE = 3, 6
"""Sets of k numbers that JAX stores of a step of dual FISTA for the way back: today, and in the version that
`default-cpu` was recorded with."""
STATE_RESPONSES = 2


@dataclass(frozen=True)
class DenseProblem:
    """A batch of signals of n numbers under W with k rows.

    Attributes:
        n: numbers of a signal.
        k: rows of W.
        batch: signals that share W.
        itemsize: bytes of a number.
    """

    n: int
    k: int
    batch: int = 1
    itemsize: int = 8

    @property
    def matrix(self) -> Number:
        """Bytes of W."""
        return float(self.itemsize * self.n * self.k)

    def products(self, count: Number) -> ProgramWork:
        """Return so many products with W, or with its transpose, of the whole batch."""
        moved = self.matrix + self.batch * self.itemsize * (self.n + self.k)
        return count * ProgramWork(2.0 * self.batch * self.n * self.k, moved)

    def vectors(self, count: Number) -> ProgramWork:
        """Return so many operations on every response, with as many sets of them moved."""
        return ProgramWork(count * self.batch * self.k, self.held(count))

    def held(self, responses: Number) -> Number:
        """Return the bytes of so many sets of responses."""
        return responses * self.batch * self.k * self.itemsize


def dual_fista_step(problem: DenseProblem) -> ProgramWork:
    """Return one step: two products, the projection, the extrapolation; and its share of the looks."""
    looks = problem.products(3) + problem.vectors(12)
    return LOOP + problem.products(2) + problem.vectors(12) + (1 / LOOK_EVERY) * looks


def solve(problem: DenseProblem, effort: Effort) -> ProgramCost:
    """Cost the solve alone; ||W|| comes first, by some products."""
    work = CALL + problem.products(30) + effort.steps * dual_fista_step(problem)
    return ProgramCost(work, 3 * problem.matrix + problem.held(12))


def closed_form(problem: DenseProblem, effort: Effort) -> ProgramCost:
    """Cost the closed form: K steps of two products, and two outer products for each signal.

    Backward passes of a batch are mapped, so that each signal's gradient by W is there before their sum.
    """
    adjoint = (effort.adjoint_steps + 1) * (LOOP + problem.products(2) + problem.vectors(12))
    work = solve(problem, effort).work + adjoint + problem.products(2)
    return ProgramCost(work, (3 + 2 * problem.batch) * problem.matrix + problem.held(12))


def one_step(problem: DenseProblem, effort: Effort, tape: Number = TAPE) -> ProgramCost:
    """Cost one more step, and the way back through it, mapped over the batch as the closed form's is."""
    work = solve(problem, effort).work + dual_fista_step(problem) + _way_back(problem, tape)
    held = (3 + 2 * problem.batch) * problem.matrix
    return ProgramCost(work, held + problem.held(12 + tape))


def unrolled(problem: DenseProblem, effort: Effort, tape: Number = TAPE) -> ProgramCost:
    """Cost reverse mode through all steps: a tape of each."""
    work = solve(problem, Effort(0)).work + _on_tape(problem, effort.steps, tape)
    return ProgramCost(work, 6 * problem.matrix + problem.held(12) + effort.steps * problem.held(tape))


def unrolled_checkpoints(problem: DenseProblem, effort: Effort, tape: Number = TAPE) -> ProgramCost:
    """Cost a state every c steps, and a tape of c: each step is made twice."""
    every = effort.every or math.sqrt(effort.steps)
    work = solve(problem, effort).work + _on_tape(problem, effort.steps, tape)
    held = effort.steps / every * problem.held(STATE_RESPONSES) + every * problem.held(tape)
    return ProgramCost(work, 6 * problem.matrix + problem.held(12) + held)


def _way_back(problem: DenseProblem, tape: Number) -> ProgramWork:
    """Return the way back through one step: two products for u, and two outer products for W's cotangent."""
    return (
        LOOP + problem.products(4) + problem.vectors(tape + 12) + ProgramWork(moved_bytes=2 * problem.matrix)
    )


def _on_tape(problem: DenseProblem, steps: Number, tape: Number) -> ProgramWork:
    return steps * (dual_fista_step(problem) + problem.vectors(tape) + _way_back(problem, tape))
