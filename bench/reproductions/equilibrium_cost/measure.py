"""Weigh and time hypergradients of a DRUNet in the place of a proximal operator."""

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp

from ....hypergrad import Hypergradient, Implicit, OneStep, Unrolled, hypergradient
from ....hypergrad.method import Method
from ....problems import Deconvolution, LowerLevel, Photographs, PlugAndPlay, measure
from ....problems.networks.drunet import Drunet
from ....problems.regularizers.denoisers.denoiser import Denoiser
from ....solvers import Budget, Picard, Richardson, Solution, solve
from ...machine.memory import memory_limit
from ...machine.threads import fix_blas_threads
from ...measure.memory_limit import too_large
from ...measure.program import Compiler, OutOfMemory, Program
from ...records.status import Status
from ..reproduction import Row

MEMORY, SECONDS = "memory", "seconds"
SMALL, LARGE, LARGE_STEPS = 64, 256, 30
STEPS, QUICK_STEPS = (1, 3, 10, 30, 100, 300, 1000), (1, 10, 30, 100)
QUICK_SIDE = 16
SOLVER = Picard()
PUBLISHED, TINY = Drunet(), Drunet(widths=(8,), blocks=1)
SIGMA = 0.05
METHODS: dict[str, Method] = {
    "implicit": Implicit(Richardson(max_steps=30), on="fixed-point"),
    "one step": OneStep(),
    "unrolled": Unrolled(),
    "unrolled, recursive checkpoints": Unrolled(checkpoint_every="recursive"),
}
FREE_OF_STEPS, LINEAR_IN_STEPS = ("implicit", "one step"), "unrolled"
Problem = tuple[LowerLevel, jax.Array]


def make_problem(side: int, network: Drunet) -> Problem:
    """Blur a crop of a photograph, and draw the network, all in float32."""
    truth = Photographs().sample((side, side), 1, 0)
    A, y = measure(Deconvolution(), truth, 0)
    prior = PlugAndPlay(
        Denoiser(network.init(0), jnp.asarray(SIGMA, jnp.float64), network), jnp.asarray(1.0, jnp.float64)
    )
    lower = LowerLevel(A, y[0], prior)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), (lower, truth[0]))


def total_program(method: Method, steps: int, problem: Problem) -> Hypergradient:
    """Make exactly so many iterations, and differentiate the mean squared error."""
    lower, truth = problem
    budget = Budget(steps, 0.0, steps)
    return hypergradient(method, SOLVER, budget, lower, lambda x: jnp.mean(jnp.square(x - truth)))


def solve_program(steps: int, problem: Problem) -> Solution:
    """Make exactly so many iterations."""
    return solve(SOLVER, Budget(steps, 0.0, steps), problem[0])


def measure_memory(quick: bool) -> list[Row]:
    """Return what the compiler says of methods, quick of those that are judged; nothing is run."""
    problem = make_problem(QUICK_SIDE if quick else SMALL, TINY if quick else PUBLISHED)
    compiler, rows = Compiler(), []
    for name in (*FREE_OF_STEPS, LINEAR_IN_STEPS) if quick else METHODS:
        for steps in QUICK_STEPS if quick else STEPS:
            total = functools.partial(total_program, METHODS[name], steps)
            program = compiler.compile_program(total, problem, name=name)
            rows.append(
                {
                    "case": MEMORY,
                    "quick": quick,
                    "method": name,
                    "steps": steps,
                    "memory_bytes": program.memory.total,
                    "memory_limit_bytes": memory_limit(),
                    "compile_seconds": program.compile_seconds,
                }
            )
    return rows


def measure_seconds(quick: bool) -> list[Row]:
    """Time the solve, and the solve with its implicit gradient."""
    fix_blas_threads()
    problem = make_problem(QUICK_SIDE if quick else LARGE, TINY if quick else PUBLISHED)
    compiler = Compiler()
    setting: Row = {
        "case": SECONDS,
        "quick": quick,
        "device": jax.devices()[0].device_kind,
        "memory_limit_bytes": memory_limit(),
    }
    forward = functools.partial(solve_program, LARGE_STEPS)
    total = functools.partial(total_program, METHODS["implicit"], LARGE_STEPS)
    rows: list[Row] = []
    for what, function, warm in (("solve", forward, True), ("solve and implicit gradient", total, False)):
        program = compiler.compile_program(function, problem, name=what)
        row: Row = {
            "what": what,
            "compile_seconds": program.compile_seconds,
            "memory_bytes": program.memory.total,
        }
        rows.append(setting | row | _timed(program, problem, warm))
    return rows


def _timed(program: Program, problem: Problem, warm: bool) -> Row:
    nothing: Row = {"steps": None, "adjoint_steps": None, "seconds": None}
    if reason := too_large(program):
        return nothing | {"status": Status.OUT_OF_MEMORY.value, "reason": reason}
    try:
        if warm:
            jax.block_until_ready(program(problem))
        start = time.perf_counter()
        found = jax.block_until_ready(program(problem))
    except OutOfMemory as error:
        return nothing | {"status": Status.OUT_OF_MEMORY.value, "reason": str(error)}
    seconds = time.perf_counter() - start
    return {"status": Status.OK.value, "reason": "", **_steps(found), "seconds": seconds}


def _steps(found: Any) -> dict[str, int | None]:
    if isinstance(found, Solution):
        return {"steps": int(found.steps), "adjoint_steps": None}
    return {"steps": int(found.solution.steps), "adjoint_steps": int(found.backward.steps)}
