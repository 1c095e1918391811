"""What the generated tests share: `hgb` in this process, with nothing compiled, timed or drawn."""

import contextlib
import functools
import io
import os
import shutil
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jaxtyping
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from hypergrad_bench.bench.cli import main
from hypergrad_bench.bench.commands import measuring
from hypergrad_bench.bench.commands import run as run_command
from hypergrad_bench.bench.grid import expand
from hypergrad_bench.bench.grid.clock_settings import ClockSettings
from hypergrad_bench.bench.measure import workbench as measure
from hypergrad_bench.bench.measure.accuracy import Judgement, References
from hypergrad_bench.bench.measure.program import Compiler, Memory
from hypergrad_bench.bench.measure.samples import Samples
from hypergrad_bench.bench.records.clock_test import ClockTest
from hypergrad_bench.bench.report import figures
from hypergrad_bench.bench.runs import provenance, run

EXAMPLES = int(os.environ.get("HGB_EXAMPLES", "170"))
"""Examples of each generated test; HGB_EXAMPLES=1700 makes ten times as many."""

quickly = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status, and what it printed."""

    status: Any
    out: str
    err: str


def hgb(*arguments: str) -> Ended:
    """Run a command; an exception that a user would see as a traceback has the exit status 1."""
    out, err = io.StringIO(), io.StringIO()
    argv, sys.argv = sys.argv, ["hgb", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
                status: Any = 0
            except SystemExit as stop:
                status = stop.code or 0
            except BaseException:
                err.write(traceback.format_exc())
                status = 1
    finally:
        sys.argv = argv
    return Ended(status, out.getvalue(), err.getvalue())


@dataclass(frozen=True, eq=False)
class Traced:
    """In the place of a compiled program: its function is traced, and its results are zeros."""

    name: str
    results: Any
    compile_seconds: float = 0.0
    memory: Memory = Memory(0, 0, 0)

    def __call__(self, *arguments: Any) -> Any:
        # Whatever is asked holds: what converged is solved.
        return jax.tree.map(lambda leaf: np.full(leaf.shape, leaf.dtype == bool, leaf.dtype), self.results)

    @property
    def identity(self) -> str:
        return f"{id(self):x}"

    def wait(self) -> None:
        """Be ready at once."""

    def shapes(self, *arguments: Any) -> Any:
        return self.results

    def retraces(self, *arguments: Any) -> int:
        return 0


@contextlib.contextmanager
def nothing_measured(folder: Path) -> Iterator[None]:
    """Leave out what takes time: compilation, references, timing, figures, provenance, arrays made twice."""

    def traced(compiler: Compiler, function: Any, *arguments: Any, name: str) -> Traced:
        return Traced(name, jax.eval_shape(function, *arguments))

    def timed(entries: dict[str, Any], settings: ClockSettings) -> dict[str, Samples]:
        return {name: Samples((1e-3, 1e-3)) for name in entries}

    def passed(created: str) -> ClockTest:
        return ClockTest(
            work_seconds=1.0, returned_seconds=0.0, charged_seconds=1.0, charged_share=1.0, created=created
        )

    before = Path.cwd()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Compiler, "compile_program", traced)
        patch.setattr(
            References, "find", lambda references, instance, inputs: Judgement("no reference: none is made")
        )
        patch.setattr(measure, "time_rounds", timed)
        for module in (run, provenance):
            patch.setattr(module, "environment", dict)
        patch.setattr(measuring, "self_test", passed)
        patch.setattr(os, "fsync", lambda descriptor: None)
        for module in (run_command, figures):
            patch.setattr(module, "write_figures", lambda records, folder: [])
        patch.setattr(run_command, "write_run_report", lambda folder: folder)
        patch.setattr(expand, "template", functools.lru_cache(maxsize=None)(expand.template))
        jaxtyping.config.update("jaxtyping_disable", True)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)
            jaxtyping.config.update("jaxtyping_disable", False)


def fresh(folder: Path) -> Path:
    """A path at which there is nothing."""
    shutil.rmtree(folder, ignore_errors=True)
    return folder
