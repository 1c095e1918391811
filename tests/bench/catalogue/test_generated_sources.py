"""Plug-ins whose text is spoilt: refused with the file's name, or whole; never a traceback or half a run."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from generated import fresh, hgb
from hypothesis import given
from hypothesis import strategies as st
from refusals import nothing_but_refusals, of_all

SOURCE = '''
import jax
import jax.numpy as jnp
import numpy as np
from hypergrad_bench.hypergrad import MethodTraits
from hypergrad_bench.problems import Identity, configuration, pytree
from hypergrad_bench.solvers import Solution, SolverTraits


@configuration
class Direct:
    """Takes the measurement for the solution."""

    share: float = 0.5
    traits = MethodTraits(exact=False)

    def supports(self, solver, lower):
        return None

    def __call__(self, solver, budget, lower, start=None):
        x = self.share * lower.y * sum(jnp.mean(leaf) for leaf in jax.tree.leaves(lower.regularizer))
        return Solution(x, None, jnp.int32(1), jnp.zeros(()), jnp.int32(0))


@configuration
class Still:
    """Stays where it is."""

    traits = SolverTraits()

    def supports(self, lower):
        return None

    def init(self, lower):
        return (lower.y,)

    def step(self, lower, state):
        return state

    def iterate(self, lower, state):
        return state[0]

    def residual(self, lower, state):
        return jnp.zeros(())


@configuration
class Blunt:
    """Denoising by another name."""

    noise: float = 0.1

    def operator(self, shape, seed):
        return Identity()


@pytree
class Square:
    """A multiple of the squared norm."""

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


@configuration
class Flat:
    """Zeros."""

    def sample(self, shape, count, seed, split="train"):
        return np.zeros((count, *shape))

    def supports(self, shape):
        return None
'''
"""Nothing in it reads, writes or repeats anything: no part of it does, in whatever order."""
BRED = {"direct", "still", "blunt", "square", "flat"}
WORDS = sorted(set(re.findall(r"[A-Za-z_]+", SOURCE)) - {"import", "from", "class", "for", "in"})
SIGNS = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    '"',
    "'",
    "#",
    "@",
    "=",
    "\\",
    "\t",
    " ",
    "\n",
    "0",
    "é",
]
ASKED = [
    *("run", "--suite", "smoke", "--size", "8", "--batch", "1", "--out", "run", "--no-isolate"),
    *("--plugin", "plugin.py", "--max-steps", "3"),
]
CHOSEN = [
    ("--task", "denoising", "--regularizer", "analysis-l1", "--method", "direct", "--solver", "still"),
    ("--task", "blunt", "--regularizer", "square", "--method", "direct", "--data", "flat"),
]
Spoil = Callable[[str], str]


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("sources")
    with nothing_but_refusals(folder):
        yield folder


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A source with up to three changes of lines, words or signs, or in another encoding."""
    text = SOURCE
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from([_line, _word, _word, _sign, _cut]))(draw, text)
    encode = draw(st.sampled_from([_plain] * 9 + [_marked, _narrow, _wide, _named, _nul]))
    return encode(text)


def _line(draw: st.DrawFn, text: str) -> str:
    """Drop a line, write it twice, swap it with the next, or move it in or out."""
    lines = text.splitlines()
    if len(lines) < 2:
        return text
    place = draw(st.integers(0, len(lines) - 2))
    one, other = lines[place : place + 2]
    changes = [
        [other],
        [one, one, other],
        [other, one],
        ["    " + one, other],
        [one.removeprefix("    "), other],
    ]
    return "\n".join([*lines[:place], *draw(st.sampled_from(changes)), *lines[place + 2 :]])


def _word(draw: st.DrawFn, text: str) -> str:
    """Put another word of the source, or one that is nearly it, in the place of a word."""
    found = [match for match in re.finditer(r"[A-Za-z_]+", text) if match[0] in WORDS]
    if not found:
        return text
    match = draw(st.sampled_from(found))
    new = draw(st.sampled_from([*WORDS, match[0] + "s", match[0][:-1] + "_", "None", "True", "object"]))
    return text[: match.start()] + new + text[match.end() :]


def _sign(draw: st.DrawFn, text: str) -> str:
    """Drop a sign, or put one more."""
    place = draw(st.integers(0, len(text)))
    return text[:place] + draw(st.sampled_from(["", *SIGNS])) + text[place + draw(st.integers(0, 1)) :]


def _cut(draw: st.DrawFn, text: str) -> str:
    """End in the middle."""
    return text[: draw(st.integers(0, len(text)))]


def _plain(text: str) -> bytes:
    return text.encode()


def _marked(text: str) -> bytes:
    return text.encode("utf-8-sig")


def _narrow(text: str) -> bytes:
    return ("# é\n" + text).encode("latin-1", "replace")


def _wide(text: str) -> bytes:
    return text.encode("utf-16")


def _named(text: str) -> bytes:
    return b"# coding: nonsense\n" + text.encode()


def _nul(text: str) -> bytes:
    return text.encode() + b"\0"


@given(data=st.data())
@of_all(0.13)
def test_a_spoilt_source_is_refused_or_whole(somewhere: Path, data: st.DataObject) -> None:
    """`hgb list` tells what there is of it; a run of that has a record for every case, or has not begun."""
    (somewhere / "plugin.py").write_bytes(data.draw(spoilt()))
    listed = hgb("list", "--json", "--plugin", "plugin.py")
    assert listed.status in (0, 2), listed.err
    assert "Traceback" not in listed.err
    if listed.status == 2:
        assert "plugin.py" in listed.err
    elif data.draw(st.integers(0, 5)) == 0:
        names = {row["name"] for rows in json.loads(listed.out).values() for row in rows}
        folder = fresh(somewhere / "run")
        ended = hgb(*ASKED, *data.draw(st.sampled_from(CHOSEN)))
        assert ended.status in (0, 2), ended.err
        assert "Traceback" not in ended.err
        if ended.status == 2:
            assert not folder.exists(), ended.err
            assert "hgb: " in ended.err
        else:
            lines = (folder / "records.jsonl").read_text().splitlines()
            assert len(lines) == json.loads((folder / "run.json").read_text())["cases"] > 0
        assert ended.status or names & BRED


@pytest.mark.parametrize("chosen", CHOSEN, ids=["method and solver", "problem"])
def test_a_sound_source_is_listed_and_runs(somewhere: Path, chosen: tuple[str, ...]) -> None:
    """Or the test above would show nothing."""
    (somewhere / "plugin.py").write_text(SOURCE)
    listed = hgb("list", "--json", "--plugin", "plugin.py")
    assert {row["name"] for rows in json.loads(listed.out).values() for row in rows} >= BRED
    folder = fresh(somewhere / "run")
    ended = hgb(*ASKED, *chosen)
    assert ended.status == 0, ended.err
    assert {json.loads(line)["status"] for line in (folder / "records.jsonl").read_text().splitlines()} == {
        "ok"
    }


def test_two_sources_of_one_name_are_named(somewhere: Path) -> None:
    """The second has a class that the first has."""
    (somewhere / "plugin.py").write_text(SOURCE)
    (somewhere / "other.py").write_text(SOURCE)
    ended = hgb("list", "--plugin", "plugin.py", "--plugin", "other.py")
    assert ended.status == 2
    assert "hgb: other.py: the " in ended.err
    assert "exists already; give the plug-in's class another name" in ended.err.replace("\n", " ")
