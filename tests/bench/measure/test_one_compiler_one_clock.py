"""One place compiles what is measured, one clock times it; what else does either is listed with a reason."""

import ast
from pathlib import Path

COMPILES = {
    "measure/program.py": "the compiler",
    "measure/untimed.py": "what is only looked at: references, and solutions to look back from",
    "measure/self_test.py": "the clock's own test compiles a program whose work it knows",
    "machine/matmul_precision.py": "asks the device how it multiplies, from below the compiler",
    "conformance/compiled.py": "checks compile many small programs, at a low level of optimisation",
    "conformance/operators.py": "checks that compiling changes nothing",
    "conformance/regularizers.py": "checks that compiling changes nothing",
    "restoring/solving.py": "images are restored, not measured",
    "training/denoiser_quality.py": "a trained network is judged, not measured",
    "training/denoiser_training.py": "a network is trained, not measured",
    "training/held_out.py": "looks at a training, outside of its seconds",
    "training/onlooker.py": "looks at a training, outside of its seconds",
    "training/trainer.py": "a regulariser is trained; the loop is compiled before its seconds count",
    "training/upper_levels/level_trainer.py": "the same, by upper levels",
}
READS_A_CLOCK = {
    "distributing/handed_out.py": "when to look again who is there; nothing of it is recorded",
    "isolation/watched.py": "a child that is silent for too long is ended; nothing of it is recorded",
    "measure/clock.py": "the clock",
    "measure/program.py": "seconds of compiling, which happens once",
    "measure/self_test.py": "the clock is compared with another",
    "runs/training_run.py": "a curve says how long training took until each of its steps",
    "progress.py": "tells how long a run has left; nothing of it is recorded",
}
CLOCKS = {"perf_counter", "perf_counter_ns", "process_time", "monotonic", "time_ns"}


def names_used(module: Path) -> set[str]:
    """The last part of every name that a module looks up or imports."""
    nodes = list(ast.walk(ast.parse(module.read_text())))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    return attributes | imported


def modules_with(names: set[str], bench: Path) -> set[str]:
    found = [path for path in bench.rglob("*.py") if names & names_used(path)]
    return {path.relative_to(bench).as_posix() for path in found}


def test_whatever_compiles_is_listed_with_its_reason(repository: Path) -> None:
    """`jax.jit` anywhere else belongs to `Compiler`, or to `untimed` where nobody times or weighs it."""
    assert modules_with({"jit", "pmap"}, repository / "bench") == set(COMPILES)


def test_whatever_reads_a_clock_is_listed_with_its_reason(repository: Path) -> None:
    """Anything else belongs to `time_rounds`, or to `time_once` for a call that is made once."""
    assert modules_with(CLOCKS, repository / "bench") == set(READS_A_CLOCK)
