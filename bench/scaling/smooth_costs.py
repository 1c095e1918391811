"""What each rule costs on a smooth energy of filter responses, counted from its algorithm.

With  grad E(x) = A^T (A x - y) + W^T phi'(W x),  T steps of the solver, K of the adjoint iteration, p
parameters and n pixels. A gradient G filters the image twice; so does a product H with the Hessian, once
phi'' is there; the way back R through one step filters four times: twice for the image, and once for the
filters in each of W and W^T.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from .filter_problem import FilterProblem
from .program_cost import CALL, LOOP, Number, ProgramCost, ProgramWork

LOOK_EVERY = 10
"""Steps between two looks at the residual, each of which takes a gradient."""
TAPE_RESPONSES = 7
"""Sets of responses that JAX stores of a step for the way back: those that phi' = t / sqrt(1 + t^2) and
its weights need; a tape of iterates alone would hold two images and compute each step again."""
STATE_IMAGES = 2
"""The iterate and the extrapolated point: what a checkpoint holds."""
AT_ONCE = 16
"""Tangents that forward mode carries together."""
RESTART = 50
"""Products of a cycle of GMRES, which counts cycles."""
MEMORY = 10
"""Pairs that L-BFGS keeps."""
SAMPLES = 16
"""Directions of SPSA."""


@dataclass(frozen=True)
class Effort:
    """How far a rule goes: what its records say, or what somebody plans.

    Attributes:
        steps: T, of the slowest image of the batch.
        adjoint_steps: K, or the terms of a series, or the cycles of GMRES.
        taped: the last steps that are differentiated; all of them if None.
        every: steps between checkpoints; None without.
    """

    steps: Number
    adjoint_steps: Number = 0.0
    taped: Number | None = None
    every: Number | None = None


SmoothCost = Callable[[FilterProblem, Effort], ProgramCost]


def gradient(problem: FilterProblem) -> ProgramWork:
    """Return G: filter, phi', filter back."""
    return problem.work(filtered=2, per_response=8, images=2, responses=4) + problem.data_gradient()


def product(problem: FilterProblem) -> ProgramWork:
    """Return H: filter, times phi'', filter back."""
    return problem.work(filtered=2, per_response=2, images=2, responses=5) + problem.data_gradient()


def way_back(problem: FilterProblem) -> ProgramWork:
    """Return R: the cotangents of the image and of all parameters through one step, with its tape read."""
    tape = problem.work(images=problem.padded, responses=TAPE_RESPONSES)
    filtering = problem.work(filtered=4, per_response=12, per_pixel=12, images=8, responses=6)
    return tape + filtering + problem.data_gradient()


def tape(problem: FilterProblem) -> Number:
    """Return the bytes that one step leaves for the way back."""
    return problem.held(problem.padded, TAPE_RESPONSES)


def nesterov_step(problem: FilterProblem) -> ProgramWork:
    """Return one step of the accelerated gradient method, with its share of the looks at the residual."""
    looks = (1 / LOOK_EVERY) * gradient(problem)
    return LOOP + gradient(problem) + problem.work(per_pixel=12, images=8) + looks


def nesterov(problem: FilterProblem, steps: Number) -> ProgramWork:
    """Return a solve: one program, 1/L from the filters' spectra, and the steps."""
    spectra = problem.work(transforms=problem.filters / problem.batch, responses=2 / problem.batch)
    return CALL + spectra + gradient(problem) + steps * nesterov_step(problem)


def lbfgs(problem: FilterProblem, steps: Number) -> ProgramWork:
    """Return a solve by L-BFGS: a gradient and an energy a step, two loops over the pairs that are there."""
    full = max(steps - MEMORY, 0)
    growing = min(steps, MEMORY)
    pairs = growing * (growing - 1) / 2 + full * MEMORY
    one = gradient(problem) + problem.work(per_response=8, per_pixel=20, images=12)
    spectra = problem.work(transforms=problem.filters / problem.batch, responses=2 / problem.batch)
    loop = LOOP + problem.work(per_pixel=4, images=4)
    return CALL + spectra + gradient(problem) + steps * (LOOP + one) + 2 * pairs * loop


def pairing(problem: FilterProblem) -> ProgramWork:
    """Return the gradient of <v, grad E(x)> by the parameters, which every adjoint rule ends with."""
    return gradient(problem) + way_back(problem)


def _krylov(problem: FilterProblem, steps: Number, images: Number) -> ProgramWork:
    """Return phi'' once, and products with so many further images a step; three more start and check."""
    step = LOOP + product(problem) + problem.work(per_pixel=images, images=images)
    return gradient(problem) + steps * step + 3 * product(problem)


def implicit_cg(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost implicit differentiation by conjugate gradients."""
    work = nesterov(problem, effort.steps) + _krylov(problem, effort.adjoint_steps, 10) + pairing(problem)
    return ProgramCost(work, problem.held(14, 14))


def implicit_minres(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost implicit differentiation by MINRES, which holds more images and fewer responses."""
    work = nesterov(problem, effort.steps) + _krylov(problem, effort.adjoint_steps, 16) + pairing(problem)
    return ProgramCost(work, problem.held(16, 11))


def implicit_circulant(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost the same with a circulant preconditioner: two transforms a step, and its own spectrum."""
    extra = (effort.adjoint_steps + 2) * problem.work(transforms=2, images=6) + product(problem)
    cost = implicit_cg(problem, effort)
    return ProgramCost(cost.work + extra, cost.held_bytes)


def implicit_lbfgs(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost implicit differentiation by conjugate gradients after a solve by L-BFGS."""
    work = lbfgs(problem, effort.steps) + _krylov(problem, effort.adjoint_steps, 10) + pairing(problem)
    return ProgramCost(work, problem.held(14, 14))


def implicit_neumann(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost a truncated series: one product a term."""
    work = nesterov(problem, effort.steps) + _krylov(problem, effort.adjoint_steps, 4) + pairing(problem)
    return ProgramCost(work, problem.held(10, 11))


def implicit_gmres(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost GMRES on the fixed point of the accelerated step, whose unknowns are its two images.

    A product filters back through a step; its result is made orthogonal to all before it in the cycle.
    """
    against = RESTART / 2
    one = product(problem) + problem.work(per_pixel=8 * against, images=4 * against + 8)
    products = RESTART * effort.adjoint_steps
    work = nesterov(problem, effort.steps) + gradient(problem) + products * (LOOP + one) + pairing(problem)
    return ProgramCost(work, problem.held(4 * RESTART + 10, 10))


def implicit_dense(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost the Hessian column by column, and its LU factorisation: n^2 numbers, n^3 operations."""
    n = problem.pixels
    factor = ProgramWork(problem.batch * 2 / 3 * n**3, 3 * problem.held(n))
    work = nesterov(problem, effort.steps) + gradient(problem) + n * product(problem) + factor
    return ProgramCost(work + pairing(problem), problem.held(4 * n, n))


def one_step(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost one more step, and the way back through it."""
    work = nesterov(problem, effort.steps) + nesterov_step(problem) + way_back(problem)
    return ProgramCost(work, problem.held(12) + tape(problem))


def phantom(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost a few damped steps on tape from the solution."""
    work = nesterov(problem, effort.steps) + _on_tape(problem, effort.adjoint_steps)
    return ProgramCost(work, problem.held(14, 5) + effort.adjoint_steps * tape(problem))


def shine(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost L-BFGS's inverse again: two loops over its pairs, as often as the cotangent is refined."""
    again = LOOP + problem.work(per_pixel=4, images=4)
    refined = effort.adjoint_steps * (LOOP + product(problem) + problem.work(per_pixel=10, images=10))
    inverses = (effort.adjoint_steps + 1) * 2 * min(effort.steps, MEMORY)
    work = lbfgs(problem, effort.steps) + refined + inverses * again + 2 * product(problem)
    return ProgramCost(work + pairing(problem), problem.held(2 * MEMORY + 14, 11))


def unrolled(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost reverse mode through all steps, or through the last ones: a tape of every step that it crosses."""
    taped = effort.steps if effort.taped is None else min(effort.taped, effort.steps)
    work = nesterov(problem, effort.steps - taped) + _on_tape(problem, taped)
    return ProgramCost(work, problem.held(14, 5) + taped * tape(problem))


def unrolled_checkpoints(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost a state every c steps, and a tape of c: each step is made twice."""
    every = effort.every or math.sqrt(effort.steps)
    work = nesterov(problem, effort.steps) + _on_tape(problem, effort.steps)
    states = effort.steps / every * problem.held(STATE_IMAGES)
    return ProgramCost(work, problem.held(14, 5) + states + every * tape(problem))


def unrolled_recursive(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost halving again and again: log2 T states, and each step made as often."""
    depth = max(math.log2(max(effort.steps, 2)), 1.0)
    forward = (depth - 1) * effort.steps * nesterov_step(problem)
    work = CALL + forward + _on_tape(problem, effort.steps)
    states = depth * problem.held(STATE_IMAGES)
    return ProgramCost(work, problem.held(14, 5) + states + 2 * tape(problem))


def forward_mode(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost a tangent of every step for each parameter, sixteen together; memory is free of the steps."""
    groups = math.ceil(problem.parameters / AT_ONCE)
    along = product(problem) + problem.work(filtered=2, per_response=6, per_pixel=12, images=8, responses=4)
    together = LOOP + nesterov_step(problem) + AT_ONCE * along
    work = nesterov(problem, effort.steps) + groups * effort.steps * together
    return ProgramCost(work, problem.held(14) + AT_ONCE * problem.held(7, 4))


def finite_difference(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost two solves for each parameter, one after the other."""
    one = nesterov(problem, effort.steps)
    work = CALL + (2 * problem.parameters + 1) * ProgramWork(one.flops, one.moved_bytes, one.loops)
    return ProgramCost(work, problem.held(14, 2))


def spsa(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost two solves for each of sixteen directions, whatever the number of parameters."""
    one = nesterov(problem, effort.steps)
    work = CALL + (2 * SAMPLES + 1) * ProgramWork(one.flops, one.moved_bytes, one.loops)
    return ProgramCost(work, problem.held(14, 2) + SAMPLES * problem.itemsize * problem.parameters)


def piggyback(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost joint steps of solution and adjoint: a gradient and a product each, and a look every ten."""
    joint = gradient(problem) + product(problem) + problem.work(per_pixel=8, images=8)
    looks = (1 / LOOK_EVERY) * (gradient(problem) + product(problem))
    work = nesterov(problem, effort.steps) + effort.adjoint_steps * (LOOP + joint + looks) + pairing(problem)
    return ProgramCost(work, problem.held(14, 10))


def directions_bytes(parameters: Number, leaves: Number, itemsize: int) -> Number:
    """Return the bytes of the unit directions of all parameters, beside what the compiler's figure counts.

    Forward mode and finite differences make one for each parameter, as long as all leaves of the lower level
    together: its measurement too, which has as many numbers as the image has pixels.
    """
    return itemsize * parameters * leaves


def _on_tape(problem: FilterProblem, steps: Number) -> ProgramWork:
    """Return steps that write their tape, and the way back through them."""
    written = problem.work(images=problem.padded, responses=TAPE_RESPONSES)
    return steps * (nesterov_step(problem) + written + LOOP + way_back(problem))
