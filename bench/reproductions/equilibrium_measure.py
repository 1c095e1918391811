"""Weigh and time hypergradients of a DRUNet in the place of a proximal operator."""

import functools
import time
from typing import Any

import jax
import jax.numpy as jnp

from ...hypergrad import Hypergradient, Implicit, OneStep, Unrolled, hypergradient
from ...hypergrad.method import Method
from ...problems import Deconvolution, LowerLevel, Photographs, PlugAndPlay, measure
from ...problems.denoiser import Denoiser
from ...problems.networks.drunet import Drunet
from ...solvers import Budget, Picard, Richardson, Solution, solve
from ..measure import memory_limit
from ..program import Compiler
from ..reproduction import Row
from ..threads import fix_blas_threads

MEMORY, SECONDS = "memory", "seconds"
SMALL, LARGE, LARGE_STEPS = 64, 256, 30
STEPS, QUICK_STEPS = (1, 3, 10, 30, 100, 300, 1000), (1, 3, 10)
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
    problem = make_problem(16 if quick else SMALL, TINY if quick else PUBLISHED)
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


def measure_seconds() -> list[Row]:
    """Time the solve, and the solve with its implicit gradient."""
    fix_blas_threads()
    problem, compiler = make_problem(LARGE, PUBLISHED), Compiler()
    setting = {"case": SECONDS, "quick": False, "device": jax.devices()[0].device_kind}
    forward = functools.partial(solve_program, LARGE_STEPS)
    total = functools.partial(total_program, METHODS["implicit"], LARGE_STEPS)
    rows = []
    for what, function, warm in (("solve", forward, True), ("solve and implicit gradient", total, False)):
        program = compiler.compile_program(function, problem, name=what)
        if warm:
            jax.block_until_ready(program(problem))
        start = time.perf_counter()
        found: Any = jax.block_until_ready(program(problem))
        seconds = time.perf_counter() - start
        rows.append(
            setting
            | {
                "what": what,
                **_steps(found),
                "seconds": seconds,
                "compile_seconds": program.compile_seconds,
                "memory_bytes": program.memory.total,
            }
        )
    return rows


def _steps(found: Any) -> dict[str, int | None]:
    if isinstance(found, Solution):
        return {"steps": int(found.steps), "adjoint_steps": None}
    return {"steps": int(found.solution.steps), "adjoint_steps": int(found.backward.steps)}
