"""Weigh and time hypergradients of a DRUNet in the place of a proximal operator."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from ....hypergrad import Hypergradient, Implicit, OneStep, Unrolled, hypergradient
from ....hypergrad.method import Method
from ....problems import Deconvolution, LowerLevel, Photographs, PlugAndPlay, measure
from ....problems.networks.drunet import Drunet
from ....problems.regularizers.denoisers.denoiser import Denoiser
from ....solvers import Budget, Picard, Richardson, Solution, solve
from ...machine.device_memory import memory_limit
from ...machine.threads import fix_blas_threads
from ...measure.clock import TimedCall, time_once
from ...measure.memory_limit import too_large
from ...measure.program import Compiler, OutOfMemory, Program
from ...records.status import Status
from ..training_pair import TrainingPair
from .rows import Called, MemoryRow, SecondsRow, Steps

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


@dataclass(frozen=True)
class Cost:
    """What is measured: the memory of programs that nobody runs, or the seconds of one that is run."""

    name: str


MEMORY, SECONDS = Cost("memory"), Cost("seconds")


def draw_pair(side: int, network: Drunet) -> TrainingPair:
    """Blur a crop of a photograph, and draw the network, all in float32."""
    truth = Photographs().sample((side, side), 1, 0)
    A, y = measure(Deconvolution(), truth, 0)
    prior = PlugAndPlay(
        Denoiser(network.init(0), jnp.asarray(SIGMA, jnp.float64), network), jnp.asarray(1.0, jnp.float64)
    )
    pair = TrainingPair(LowerLevel(A, y[0], prior), jnp.asarray(truth[0]))
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), pair)


def total_program(method: Method, steps: int, pair: TrainingPair) -> Hypergradient:
    """Make exactly so many iterations, and differentiate the mean squared error."""
    return hypergradient(method, SOLVER, Budget(steps, 0.0, steps), pair.lower, pair.loss)


def solve_program(steps: int, pair: TrainingPair) -> Solution:
    """Make exactly so many iterations."""
    return solve(SOLVER, Budget(steps, 0.0, steps), pair.lower)


def measure_memory(quick: bool) -> list[MemoryRow]:
    """Return what the compiler says of methods, quick of those that are judged; nothing is run."""
    pair = draw_pair(QUICK_SIDE if quick else SMALL, TINY if quick else PUBLISHED)
    compiler = Compiler()
    rows: list[MemoryRow] = []
    for name in (*FREE_OF_STEPS, LINEAR_IN_STEPS) if quick else METHODS:
        for steps in QUICK_STEPS if quick else STEPS:
            total = functools.partial(total_program, METHODS[name], steps)
            program = compiler.compile_program(total, pair, name=name)
            rows.append(
                {
                    "case": MEMORY.name,
                    "quick": quick,
                    "method": name,
                    "steps": steps,
                    "memory_bytes": program.memory.total,
                    "memory_limit_bytes": memory_limit(),
                    "compile_seconds": program.compile_seconds,
                }
            )
    return rows


def measure_seconds(quick: bool) -> list[SecondsRow]:
    """Time the solve, and the solve with its implicit gradient."""
    fix_blas_threads()
    pair = draw_pair(QUICK_SIDE if quick else LARGE, TINY if quick else PUBLISHED)
    compiler = Compiler()
    forward = functools.partial(solve_program, LARGE_STEPS)
    total = functools.partial(total_program, METHODS["implicit"], LARGE_STEPS)
    rows: list[SecondsRow] = []
    for what, function, call in (
        ("solve", forward, _second_call),
        ("solve and implicit gradient", total, _only_call),
    ):
        program = compiler.compile_program(function, pair, name=what)
        rows.append(
            {
                "case": SECONDS.name,
                "quick": quick,
                "device": jax.devices()[0].device_kind,
                "memory_limit_bytes": memory_limit(),
                "what": what,
                "compile_seconds": program.compile_seconds,
                "memory_bytes": program.memory.total,
                **_called(program, pair, call),
            }
        )
    return rows


def _called(
    program: Program, pair: TrainingPair, call: Callable[[Program, TrainingPair], TimedCall]
) -> Called:
    try:
        reason = too_large(program)
        if not reason:
            found, seconds = call(program, pair)
            return {"status": Status.OK.value, "reason": "", **_steps(found), "seconds": seconds}
    except OutOfMemory as error:
        reason = str(error)
    return {
        "steps": None,
        "adjoint_steps": None,
        "seconds": None,
        "status": Status.OUT_OF_MEMORY.value,
        "reason": reason,
    }


def _only_call(program: Program, pair: TrainingPair) -> TimedCall:
    """Time one call of a program that takes too long for a second."""
    return time_once(lambda: program(pair))


def _second_call(program: Program, pair: TrainingPair) -> TimedCall:
    """Time one call after one that is not timed."""
    jax.block_until_ready(program(pair))
    return _only_call(program, pair)


def _steps(found: Solution | Hypergradient) -> Steps:
    if isinstance(found, Solution):
        return {"steps": int(found.steps), "adjoint_steps": None}
    assert found.backward.steps is not None
    return {"steps": int(found.solution.steps), "adjoint_steps": int(found.backward.steps)}
