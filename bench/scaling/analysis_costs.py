"""What each rule costs on an l1 norm of filter responses, solved by ADMM with FFTs.

A step filters twice and transforms twice. The closed form needs no tape and no step: its adjoint system is
solved by conjugate gradients on the active rows (denoising), by MINRES on the optimality system
(deconvolution), or by a factor that is found by nested dissection.
"""

import math
from collections.abc import Callable

from .filter_problem import FilterProblem, StepTape
from .program_cost import CALL, LOOP, Number, ProgramCost, ProgramWork
from .smooth_costs import Effort

LOOK_EVERY = 5
TAPE, RECORDED_TAPE = StepTape(3, 2), StepTape(2, 5)
"""Of a step today, and in the version that `hypergradient-scale-cpu` was recorded with."""
STATE_IMAGES, STATE_RESPONSES = 1, 2
"""The iterate; the shrunk responses and the dual variable: what a checkpoint holds."""
SMALLEST_INTERVAL = 4
"""Pixels of an interval that nested dissection cuts no further."""

AnalysisCost = Callable[[FilterProblem, Effort], ProgramCost]


def admm_step(problem: FilterProblem) -> ProgramWork:
    """Return one step, with its share of the looks at the KKT residual."""
    transforms = 2 + (0 if problem.task == "denoising" else 3)
    step = problem.work(
        filtered=2, per_response=8, per_pixel=8, transforms=transforms, images=8 + 2 * transforms, responses=8
    )
    looks = problem.work(filtered=2, per_response=10, images=4, responses=6) + problem.data_gradient()
    return LOOP + step + (1 / LOOK_EVERY) * looks


def admm(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost the solve alone."""
    work = CALL + effort.steps * admm_step(problem)
    return ProgramCost(work, problem.held(8, 5))


def closed_form_iterated(problem: FilterProblem, effort: Effort) -> ProgramCost:
    """Cost the closed form without a factor: K products with the Gram matrix of the active rows, or more.

    Both iterations carry vectors of the length of the responses.
    """
    if problem.task == "denoising":
        one = problem.work(filtered=2, per_response=12, images=2, responses=14)
    else:
        one = problem.work(filtered=2, per_response=24, per_pixel=24, images=22, responses=24)
        one = one + problem.data_gradient()
    adjoint = (effort.adjoint_steps + 3) * (LOOP + one)
    work = admm(problem, effort).work + adjoint + _pairing(problem)
    return ProgramCost(work, problem.held(8, 13 if problem.task == "denoising" else 14))


def unrolled(problem: FilterProblem, effort: Effort, tape: StepTape = TAPE) -> ProgramCost:
    """Cost reverse mode through all steps: a tape of each."""
    held = problem.held(6, 14) + effort.steps * problem.held(*tape)
    return ProgramCost(CALL + _on_tape(problem, effort.steps, tape), held)


def unrolled_checkpoints(problem: FilterProblem, effort: Effort, tape: StepTape = TAPE) -> ProgramCost:
    """Cost a state every c steps, and a tape of c: each step is made twice."""
    every = effort.every or math.sqrt(effort.steps)
    work = CALL + effort.steps * admm_step(problem) + _on_tape(problem, effort.steps, tape)
    states = effort.steps / every * problem.held(STATE_IMAGES, STATE_RESPONSES)
    return ProgramCost(work, problem.held(6, 14) + states + every * problem.held(*tape))


def closed_form_factorised(problem: FilterProblem, reach: int) -> ProgramCost:
    """Cost one factorisation of the optimality system, and a solve with it.

    A front that eliminates a cross of width `reach` in a region of a pixels a side has some 2 reach a rows of
    its own and 4 reach a at its border, and there are n / a^2 of them: 12 reach^2 n numbers a level.

    Args:
        problem: its size.
        reach: how many pixels apart two can be that the system couples: twice the filters' reach, or that of
            the blur's kernel twice.
    """
    side, n = math.sqrt(problem.pixels), problem.pixels
    interval, levels = side, 0
    while interval / 2 - reach >= max(2 * reach, SMALLEST_INTERVAL):
        interval, levels = interval / 2, levels + 1
    leaf = (interval - reach if levels else interval) ** 2
    border = (math.sqrt(leaf) + 2 * reach) ** 2 - leaf
    fronts = n / interval**2
    factor = fronts * leaf * (leaf + border) + 12 * reach**2 * n * levels
    beside = fronts * ((leaf + border) ** 2 + border**2)
    flops = fronts * leaf * (leaf + border) ** 2 + 100 * reach**3 * n * side
    held = problem.itemsize * (factor + beside)
    work = ProgramWork(flops + 4 * factor, 3 * held)
    return ProgramCost(CALL + work, held + problem.held(8, 14))


def _on_tape(problem: FilterProblem, steps: Number, tape: StepTape) -> ProgramWork:
    """Return steps that write their tape, and the way back: four filterings, two transforms."""
    stored = problem.work(images=tape.images, responses=tape.responses)
    back = problem.work(filtered=4, per_response=12, per_pixel=12, transforms=2, images=12, responses=8)
    return steps * (admm_step(problem) + 2 * stored + LOOP + back)


def _pairing(problem: FilterProblem) -> ProgramWork:
    return problem.work(filtered=4, per_response=8, images=8, responses=8)
