"""Records that no run made: enough of a grid to write tables and draw figures of."""

from hypergrad_bench.bench.records.record import Record
from hypergrad_bench.bench.records.status import Status

BASE = {
    "id": "0123456789ab",
    "task": "denoising",
    "regularizer": "AnalysisL1",
    "data": "piecewise-constant",
    "size": "64",
    "batch": 32,
    "dtype": "float64",
    "seed": 0,
    "solver": "DualFista()",
    "method": "ClosedForm()",
    "max_steps": 2000,
    "tolerance": 1e-8,
    "suite": "default",
    "status": Status.OK,
    "created": "2026-01-02T03:04:05+00:00",
}
MEASURED = {
    "steps": 412.5,
    "residual": 8.7e-9,
    "adjoint_residual": 3.1e-15,
    "relative_error": 2.34e-7,
    "cosine": 0.99999,
    "norm_ratio": 1.00012,
    "reference": "dense",
    "reference_error": 3e-12,
    "solve_seconds": 0.0123,
    "solve_seconds_q1": 0.0121,
    "solve_seconds_q3": 0.0131,
    "total_seconds": 0.0145,
    "total_seconds_q1": 0.0144,
    "total_seconds_q3": 0.0151,
    "overhead": 1.18,
    "overhead_q1": 1.15,
    "overhead_q3": 1.21,
    "rounds": 30,
    "compile_seconds": 0.321,
    "memory_bytes": 3.5 * 2**20,
    "temp_bytes": 1.5 * 2**20,
}
TASKS = ("denoising", "inpainting", "deconvolution")
SMOOTH = ("GradientDescent()", "Nesterov(restart=True)", "Lbfgs(memory=10)")
EXPERTS = "FieldsOfExperts(potential=LogCosh())"


def identity(number: int) -> str:
    """Return a valid id."""
    return f"{number:012x}"


def record(**changes) -> Record:
    """Return a record that has no numbers yet."""
    return Record(**(BASE | changes))


def measured(**changes) -> Record:
    """Return a record with every number of a good row."""
    return Record(**(BASE | MEASURED | changes))


def grid() -> list[Record]:
    """Return what a default run might give: good rows, rows out of budget, and one of every other kind."""
    made: list[dict] = []
    for task in TASKS:
        for dtype, floor in (("float64", 1e-11), ("float32", 2e-5)):
            for seed in (0, 1):
                shared = {"task": task, "dtype": dtype, "seed": seed, "reference_error": floor}
                made += [shared | case for case in (*_analysis(floor), *_experts(floor))]
    return [measured(**(case | {"id": identity(number)})) for number, case in enumerate(made)]


def _analysis(floor: float) -> list[dict]:
    """Return cases of the l1 problem."""
    closed = {"relative_error": floor / 3, "total_seconds": 0.0145}
    cases = [closed | {"solver": solver} for solver in ("DualFista()", "PrimalDual(relaxation=1.0)")]
    cases += [_unrolled(steps, floor, "DualFista()") for steps in (30, 100, 300, 1000)]
    refused = {key: None for key in MEASURED if key not in ("reference", "rounds")}
    why = "Implicit needs a smooth energy: AnalysisL1 has no second derivative; use ClosedForm instead"
    cases.append(refused | {"method": "Implicit(linear=Cg())", "status": Status.NOT_SUPPORTED, "reason": why})
    failed = {
        "method": "JaxoptImplicit()",
        "status": Status.FAILED,
        "reason": "TypeError: unexpected | [key]",
    }
    return [*cases, refused | failed]


def _experts(floor: float) -> list[dict]:
    """Return cases of the smooth problem."""
    shape = {"regularizer": EXPERTS, "data": "photographs", "size": "32x32", "batch": 4}
    cases = []
    for rank, solver in enumerate(SMOOTH):
        speed = {"solver": solver, "total_seconds": 0.2 / (1 + rank), "solve_seconds": 0.15 / (1 + rank)}
        iterative = {"method": "Implicit(linear=Cg(max_steps=200, tolerance=1e-10))"}
        dense = {"method": "Implicit(linear=Dense())", "memory_bytes": 9e7}
        one_step = {"method": "OneStep()", "memory_bytes": 3.1e6, "adjoint_residual": None}
        cases.append(speed | iterative | {"relative_error": 4e-8 + floor})
        cases.append(speed | dense | {"relative_error": floor / 2})
        cases.append(speed | one_step | {"relative_error": 0.93, "cosine": 0.71, "norm_ratio": 0.043})
        cases += [_unrolled(steps, floor, solver, 1 + rank) for steps in (30, 100, 300, 1000)]
    return [shape | case for case in cases]


def _unrolled(steps: int, floor: float, solver: str, speed: int = 1) -> dict:
    """Return a case of unrolling: error falls, time and memory grow with the budget."""
    return {
        "solver": solver,
        "method": "Unrolled(checkpoint=True)" if steps == 300 else "Unrolled()",
        "max_steps": steps,
        "tolerance": 0.0,
        "status": Status.MAX_STEPS,
        "steps": float(steps),
        "residual": 10 ** (-steps / 150),
        "relative_error": 10 ** (-speed * steps / 200) + floor,
        "adjoint_residual": None,
        "total_seconds": 3e-4 * steps / speed,
        "overhead": 3.4,
        "memory_bytes": 2e5 * steps,
    }
