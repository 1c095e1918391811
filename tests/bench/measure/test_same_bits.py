"""The same case in two processes on one device: solution, hypergradient and loss have the same bits."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.entry import Origin

SQUARE = '''
import jax.numpy as jnp
from hypergrad_bench.problems import pytree


@pytree
class Square:
    """A multiple of the squared norm: what every method that needs a gradient takes, and soon compiled."""

    weight: object

    @classmethod
    def initial(cls, shape, seed):
        return cls(jnp.asarray(0.1))

    def value(self, x):
        return 0.5 * self.weight * jnp.sum(jnp.square(x))

    def gradient(self, x):
        return self.weight * x

    def lipschitz(self, shape):
        return self.weight
'''
HASHES = """
import gc, json, os, sys
gc.disable()  # it takes a tenth of the time
from pathlib import Path
import jax
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.catalogue.plugin import with_plugins
from hypergrad_bench.bench.grid.case import label
from hypergrad_bench.bench.grid.expand import expand
from hypergrad_bench.bench.grid.inputs import make_inputs
from hypergrad_bench.bench.grid.request import request_of
from hypergrad_bench.bench.grid.selection import Selection
from hypergrad_bench.bench.machine.device import use_device
from hypergrad_bench.bench.measure.hashes import hash_arrays
from hypergrad_bench.bench.measure.programs import solve_and_differentiate

use_device("cpu")
catalogue = with_plugins(built_in(), [Path("square.py")])
# Each method takes the first problem that it supports.
problems = (
    ("fields-of-experts", "nesterov", "4x4", ("implicit",)),
    ("analysis-l1", "dual-fista", "8", ("closed-form", "support-reduced")),
    ("square", "gradient-descent", "8", ()),
    ("square", "lbfgs", "8", ("shine",)),
)
chosen = {}
for regularizer, solver, size, methods in problems:
    asked = Selection(
        suite="smoke", tasks=("denoising",), regularizers=(regularizer,), solvers=(solver,), sizes=(size,),
        methods=methods, batch=1, max_steps=20,
    )
    for group in expand(request_of(asked, catalogue)).groups:
        for case in group:
            if not case.contestant.reason:
                chosen.setdefault(type(case.contestant.method).__name__, case)
hashes = {}
for name in sorted(chosen, reverse="reversed" in sys.argv):
    case = chosen[name]
    found = jax.jit(solve_and_differentiate(case.contestant))(make_inputs(case.instance))
    hashes[name] = hash_arrays({"x": found.solution.x, "gradient": found.gradient, "loss": found.loss})
json.dump(hashes, sys.stdout)
sys.stdout.flush()
os._exit(0)  # to take everything down takes as long as a method
"""


def hashes(folder: Path, seed: int, *arguments: str) -> dict[str, dict[str, str]]:
    """What a new process computes: sets and texts have another order in each."""
    own = {"JAX_PLATFORMS": "cpu", "PYTHONHASHSEED": f"{seed}", "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", HASHES, *arguments],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return json.loads(ran.stdout)


def test_two_processes_compute_the_same_bits(tmp_path: Path) -> None:
    """Of every method of the smoke suite that runs here, on one problem, compiled anew, in another order."""
    (tmp_path / "square.py").write_text(SQUARE)
    first, second = hashes(tmp_path, 1), hashes(tmp_path, 2, "reversed")
    assert first == second
    methods = built_in().methods.values()
    own = {type(one).__name__ for one in methods if built_in().origin_of(one) is Origin.LIBRARY}
    assert own <= first.keys()
    assert all({"['loss']", "['x']"} < set(found) for found in first.values())
    # A hash that never changes would show nothing: problems and methods differ.
    assert len({found["['x']"] for found in first.values()}) >= 3
    assert len({json.dumps(found) for found in first.values()}) > 6
