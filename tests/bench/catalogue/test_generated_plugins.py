"""Plug-ins with one defect each: what they raise is told with all its lines, and every case has a record."""

import json
from pathlib import Path

import pytest
from generated import Ended, fresh, hgb, nothing_measured, quickly
from hypothesis import given
from hypothesis import strategies as st

from hypergrad_bench.bench.runs.run_file import run_folder

HEAD = '''
import dataclasses
import sys
import jax
import jax.numpy as jnp
import numpy as np
from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.problems import Denoising, Identity, configuration, pytree
from hypergrad_bench.solvers import Solution, SolverTraits


class Own(BaseException):
    """Not even an Exception."""
'''
METHOD = '''
@configuration
class Direct:
    """Takes the measurement for the solution."""
    {traits_name} = MethodTraits()
{init}{traits}
    def {supports}(self, solver, lower):
        {supports_body}
        return None

    def __call__(self, solver, budget, lower, start=None):
        {call_body}
        residual = jnp.zeros(())
        if type(solver).__name__ == "Still":
            state = solver.step(lower, solver.init(lower))
            residual = solver.residual(lower, state)
        x = 0.5 * lower.y * sum(jnp.mean(leaf) for leaf in jax.tree.leaves(lower.regularizer))
        if hasattr(lower.regularizer, "gradient"):
            x = x - lower.regularizer.gradient(x)
        {solution_body}
        return Solution(x, None, jnp.int32(1), residual, jnp.int32(0))
'''
SOLVER = '''
@configuration
class Still:
    """Stays where it is."""
    {traits_name} = SolverTraits()
{init}{traits}
    def {supports}(self, lower):
        {supports_body}
        return None

    def {init_name}(self, lower):
        {call_body}
        return (lower.y,)

    def step(self, lower, state):
        {step_body}
        return state

    def iterate(self, lower, state):
        return state[0]

    def residual(self, lower, state):
        {residual_body}
        return jnp.zeros(())
'''
TASK = '''
@configuration
class Blunt:
    """Denoising by another name."""
    noise: float = 0.1
{init}
    def {operator}(self, shape, seed):
        {operator_body}
        return Identity()
'''
REGULARIZER = '''
@pytree
class Square:
    """A multiple of the squared norm."""
    weight: object
{init}
    @classmethod
    def {initial}(cls, shape, seed):
        {initial_body}
        return cls(jnp.asarray(0.1))

    def value(self, x):
        {value_body}
        return 0.5 * self.weight * jnp.sum(jnp.square(x))

    def gradient(self, x):
        {gradient_body}
        return self.weight * x

    def lipschitz(self, shape):
        return self.weight
'''
DATA = '''
@configuration
class Flat:
    """Zeros."""
{init}
    def {sample}(self, shape, count, seed, split="train"):
        {sample_body}
        return np.zeros((count, *shape))

    def {supports}(self, shape):
        {supports_body}
        return None
'''
MARK = "what went wrong\nand where it did"
RAISED = [
    f"raise {kind}({MARK!r})"
    for kind in (
        "RuntimeError",
        "ValueError",
        "TypeError",
        "KeyError",
        "MemoryError",
        "OSError",
        "AssertionError",
        "AttributeError",
        "GeneratorExit",
        "StopIteration",
        "SystemExit",
        "Own",
    )
] + ["sys.exit(0)", "sys.exit(1)", "raise SystemExit", "1 / 0", "raise UnicodeError('\\udcff')"]
WRONG = [
    "return 3",
    "return ''",
    "return True",
    "return False",
    "return 'a sentence'",
    "return jnp.nan",
    "return jnp.zeros(3)",
    "return np.full((1, 8), np.nan)",
    "return np.zeros((2, 5))",
    "return (1, 2)",
    "return {}",
    "return self",
    "return object()",
]
SOLUTIONS = [
    "x = x[:3]",
    "x = x.astype(jnp.float32)",
    "x = x * jnp.nan",
    "x = None",
    "x = x[None]",
    "x = x > 0",
    "return Solution(x, None, None, None, None)",
    "return Solution(x, None, 1, 0.0, 7)",
    "return Solution(x, None, 1, 0.0, 0)",
    "return Solution(x, None, jnp.int32(1), jnp.nan * x[0], jnp.int32(0))",
    "return Solution(x, None, jnp.int32(1), x, jnp.int32(0))",
    "return Solution(x, None, jnp.int32(1), x[0], jnp.zeros(2, int))",
]
INIT = [
    f"    def {name}(self, *arguments):\n        {raised}\n"
    for name in ("__init__", "__post_init__", "__repr__", "__hash__", "__eq__")
    for raised in RAISED
]
INIT += [
    "    def __repr__(self, *arguments):\n        return 3\n",
    "    __hash__ = None\n",
    "    needed: int\n",
]
TRAITS = [
    "    uses_every_steps = True\n",
    "    exact = 'perhaps'\n",
    "    costly = None\n",
    "    traits = None\n",
    "    traits = {'exact': False}\n",
    "    traits: object = MethodTraits()\n",
    "    traits = MethodTraits(exat=False)\n",
    "    bench_traits = MethodTraits()\n",
] + [
    f"    @property\n    def {name}(self):\n        {raised}\n"
    for name in ("uses_every_step", "in_a_child", "traits")
    for raised in RAISED[:3]
]
BODIES = [*RAISED, *WRONG]
KINDS = {
    "method": (
        METHOD,
        {"supports_body": BODIES, "call_body": BODIES, "solution_body": [*SOLUTIONS, *RAISED]},
        {"supports": ["suports", "supported"], "traits_name": ["trait", "Traits", "said"]},
    ),
    "solver": (
        SOLVER,
        {"supports_body": BODIES, "call_body": BODIES, "step_body": BODIES, "residual_body": BODIES},
        {"supports": ["supprots"], "init_name": ["initial", "inits"], "traits_name": ["trait", "said"]},
    ),
    "task": (TASK, {"operator_body": BODIES}, {"operator": ["operators", "opertor"]}),
    "regularizer": (
        REGULARIZER,
        {"initial_body": BODIES, "value_body": BODIES, "gradient_body": BODIES},
        {"initial": ["initials", "inital"]},
    ),
    "data": (
        DATA,
        {"sample_body": BODIES, "supports_body": BODIES},
        {"sample": ["samples"], "supports": ["suports"]},
    ),
}
NAMES = {
    "supports": "supports",
    "traits_name": "traits",
    "init_name": "init",
    "operator": "operator",
    "initial": "initial",
    "sample": "sample",
    "init": "",
    "traits": "",
}
CHOSEN = {
    "method": ("--regularizer", "analysis-l1"),
    "solver": ("--regularizer", "analysis-l1", "--solver", "still"),
    "task": ("--regularizer", "analysis-l1", "--task", "blunt"),
    "regularizer": ("--regularizer", "square"),
    "data": ("--regularizer", "analysis-l1", "--data", "flat"),
}


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("plugins")
    with nothing_measured(folder):
        yield folder


@st.composite
def defects(draw: st.DrawFn) -> tuple[str, str, str]:
    """A kind, where it is defective, and the defect."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    template, bodies, spellings = KINDS[kind]
    choices = {**bodies, **spellings, "init": INIT, **({"traits": TRAITS} if "{traits}" in template else {})}
    # Bodies twice: there is more of them.
    where = draw(st.sampled_from(sorted([*choices, *bodies])))
    return kind, where, draw(st.sampled_from(choices[where]))


def plugin(kind: str, where: str, defect: str) -> str:
    """The source of a plug-in with one defect, and a good method beside it."""

    def filled(template: str, changes: dict[str, str]) -> str:
        known = {**dict.fromkeys(("call_body", "solution_body"), "pass"), **NAMES}
        fields = {name for name in known if "{" + name + "}" in template}
        bodies = {part.split("}")[0] for part in template.split("{")[1:]}
        return template.format(
            **{name: changes.get(name, known.get(name, "pass")) for name in fields | bodies}
        )

    # `configuration` brings a `repr` of its own.
    decorator = "@dataclasses.dataclass(frozen=True)" if "__repr__" in defect else "@configuration"
    text = HEAD + filled(KINDS[kind][0], {where: defect}).replace("@configuration", decorator)
    return text if kind == "method" else text + filled(METHOD, {})


def arguments_of(kind: str) -> list[str]:
    """A run on one small problem with the plug-in and one method of this project."""
    given = CHOSEN[kind]
    small = [
        "run",
        "--suite",
        "smoke",
        "--size",
        "8",
        "--batch",
        "1",
        "--out",
        "run",
        "--plugin",
        "plugin.py",
        "--no-isolate",
    ]
    task = () if "--task" in given else ("--task", "denoising")
    method = () if "--method" in given else ("--method", "direct")
    return [*small, *task, *given, *method]


def run_with(somewhere: Path, source: str, kind: str) -> tuple[Ended, list]:
    folder = fresh(somewhere / "run")
    (somewhere / "plugin.py").write_text(source, encoding="utf-8", errors="surrogatepass")
    ended = hgb(*arguments_of(kind))
    return ended, list(run_folder(folder).journal.read().entries) if (
        folder / "records.jsonl"
    ).exists() else []


@given(defects())
@quickly
def test_a_defect_is_told_and_ends_nothing(somewhere: Path, defect: tuple[str, str, str]) -> None:
    """Exit status 0 means that every case has a record; what was raised stands in it, or in the refusal."""
    kind, where, what = defect
    ended, records = run_with(somewhere, plugin(kind, where, what), kind)
    assert ended.status in (0, 2), f"{defect}\n{ended.err}"
    assert "Traceback" not in ended.err
    if ended.status == 0:
        assert len(records) == json.loads((somewhere / "run" / "run.json").read_text())["cases"] > 0
    if repr(MARK) in what and records:
        told = [
            record.reason
            for record in records
            if record.status == "failed" or record.status == "out_of_memory"
        ]
        never_called = where == "value_body"
        never_called |= kind == "regularizer" and any(name in what for name in ("repr", "hash", "eq"))
        assert never_called or any(all(line in reason for line in MARK.split("\n")) for reason in told), (
            defect
        )


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_without_a_defect_everything_is_measured(somewhere: Path, kind: str) -> None:
    """The templates themselves are sound, or the test above would show nothing."""
    ended, records = run_with(somewhere, plugin(kind, "", ""), kind)
    assert ended.status == 0, ended.err
    assert {record.status for record in records} == {"ok"}
