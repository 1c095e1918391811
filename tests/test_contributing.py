"""CONTRIBUTING.md, followed to the letter in a copy of the tree: one file and one line are enough."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "CONTRIBUTING.md"
EXAMPLES = {
    "method": ROOT / "docs" / "adding-a-method.md",
    "claim": ROOT / "docs" / "adding-a-reproduction.md",
}
POTENTIAL = '''
"""A parabola."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float

from ...values.configuration import configuration


@configuration
class MyPotential:
    """Grow like t^2 / 2; convex."""

    convex: ClassVar[bool] = True
    curvature: ClassVar[float] = 1.0

    def value(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Evaluate the potential entry by entry."""
        return 0.5 * jnp.square(t)

    def derivative(self, t: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return t."""
        return t
'''
LISTED = {
    "solver": ("solvers", "my-solver"),
    "linear solver": ("linear_solvers", "my-linear-solver"),
    "method": ("methods", "my-method"),
    "operator": ("operators", "my-operator"),
    "regulariser": ("regularizers", "my-regularizer"),
    "potential": ("potentials", "my-potential"),
    "task": ("tasks", "my-task"),
    "ground truth": ("data", "my-truth"),
    "contender": ("methods", "my-contender"),
    "reproduction": ("reproductions", "my-claim"),
}
CHECKED = {
    "solver": "MySolver() on ",
    "linear solver": "MyLinearSolver()",
    "method": "MyMethod() with ",
    "operator": "MyOperator",
    "regulariser": "MyRegularizer",
    "potential": "FieldsOfExperts, MyPotential()",
    "task": "MyTask()",
    "ground truth": "MyTruth()",
    "contender": "MyContender() with ",
}
IN_SMOKE = {
    "solver": "MySolver",
    "method": "MyMethod",
    "contender": "MyContender",
    "regulariser": "MyRegularizer",
    "task": "MyTask",
}
ASKED = """
import json
from hypergrad_bench.bench.machine.device import use_device
use_device("cpu")
from hypergrad_bench.bench.conformance import checks
from hypergrad_bench.bench.catalogue.catalogue import built_in
from hypergrad_bench.bench.grid.expand import expand
from hypergrad_bench.bench.grid.request import request_of
from hypergrad_bench.bench.grid.selection import Selection
groups = expand(request_of(Selection(suite="smoke"), built_in())).groups
cases = [case for group in groups for case in group if not case.contestant.reason]
objects = [
    one for case in cases for one in (case.instance.task, case.contestant.solver, case.contestant.method)
]
classes = {*map(type, objects), *(case.instance.regularizer for case in cases)}
print(json.dumps({
    "checks": [check.subject for check in checks(built_in())],
    "smoke": sorted(cls.__name__ for cls in classes),
}))
"""


class Recipe(NamedTuple):
    """A row of the table in CONTRIBUTING: what, its file, its line, the registry, and the file to imitate."""

    what: str
    file: str
    line: str
    registry: str
    model: str


def recipes() -> dict[str, Recipe]:
    """The rows of the table, by kind."""
    row = re.compile(
        r"^\| ([\w ]+) \| `([\w/]+\.py)` \| `(from [^`]+)` \| `([\w/]+)` \| [`\[]([^`\]]+)[`\]]", re.M
    )
    return {match[0]: Recipe(*match) for match in row.findall(GUIDE.read_text())}


def source(recipe: Recipe) -> str:
    """The newcomer's file: its model, with the class renamed."""
    name = recipe.line.rpartition(" ")[2]
    if recipe.what == "potential":
        return POTENTIAL
    if recipe.what == "reproduction":
        return example("claim")[1].replace("ErrorFollowsTolerance", name)
    text = (ROOT / recipe.file).with_name(recipe.model).read_text()
    (model,) = re.findall(r"^@(?:configuration|pytree)\nclass (\w+)", text, re.M)
    return text.replace(model, name)


def example(name: str) -> tuple[str, str, str, str]:
    """A worked example: its path, the file, and the registry with its line."""
    text = EXAMPLES[name].read_text()
    (path, body), *others = re.findall(r"^```python\n# ([\w/]+\.py)\n(.*?)^```", text, re.M | re.S)
    assert not others
    (registry,) = re.findall(r"line in `([\w/]+)/__init__\.py`", text)
    (line,) = re.findall(r"^    (from \.\S+ import \w+ as \w+)$", text, re.M)
    return path, body, registry, line


def put(copy: Path, file: str, text: str, registry: str, line: str) -> None:
    """Write one file and one line; a new folder has an `__init__.py`."""
    path = copy / file
    path.parent.mkdir(exist_ok=True)
    (path.parent / "__init__.py").touch()
    assert not path.exists()
    path.write_text(text)
    with (copy / registry / "__init__.py").open("a") as registered:
        registered.write(line + "\n")


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """The tree with every newcomer of the table, and both worked examples."""
    made = tmp_path_factory.mktemp("copy") / "hypergrad_bench"
    for folder in ("problems", "solvers", "hypergrad", "bench"):
        shutil.copytree(ROOT / folder, made / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "__init__.py", made)
    for recipe in recipes().values():
        put(made, recipe.file, source(recipe), recipe.registry, recipe.line)
    for name in EXAMPLES:
        put(made, *example(name))
    return made


def run(copy: Path, *arguments: str) -> str:
    """What Python prints with the copy in the place of the package."""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=copy.parent,
        env=os.environ | {"PYTHONPATH": str(copy.parent)},
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


HGB = "import sys; from hypergrad_bench.bench.cli import main; sys.argv[0] = 'hgb'; main()"


@pytest.fixture(scope="module")
def asked(copy) -> dict:
    """What is checked, and what the smoke suite runs."""
    return json.loads(run(copy, "-c", ASKED))


def test_the_table_has_every_kind():
    assert set(recipes()) == set(LISTED)
    assert set(CHECKED) == set(LISTED) - {"reproduction"}


@pytest.mark.slow
def test_every_newcomer_is_listed(copy):
    listed = json.loads(run(copy, "-c", HGB, "list", "--json"))
    names = {kind: {entry["name"] for entry in entries} for kind, entries in listed.items()}
    assert [what for what, (kind, name) in LISTED.items() if name not in names[kind]] == []
    assert "last-steps" in names["methods"]
    assert "error-follows-tolerance" in names["reproductions"]


@pytest.mark.slow
def test_every_newcomer_has_conformance_checks(asked):
    assert [
        what for what, start in CHECKED.items() if not any(one.startswith(start) for one in asked["checks"])
    ] == []
    assert any(one.startswith("LastSteps() with ") for one in asked["checks"])


@pytest.mark.slow
def test_every_newcomer_runs_in_the_smoke_suite(asked):
    assert [what for what, name in IN_SMOKE.items() if name not in asked["smoke"]] == []
    assert "LastSteps" in asked["smoke"]


@pytest.mark.slow
def test_the_worked_reproduction_runs(copy):
    shown = run(copy, "-c", HGB, "reproduce", "error-follows-tolerance", "--quick", "--out", "here")
    assert "Verdict: Holds: the error follows the tolerance (1 of 1)" in shown
