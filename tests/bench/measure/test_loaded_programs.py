"""Compiled programs are dropped before a process has used up its regions of memory."""

import jax
import jax.numpy as jnp
import pytest

from hypergrad_bench.bench.measure import loaded_programs
from hypergrad_bench.bench.measure.loaded_programs import unload_if_many


@pytest.fixture
def regions(tmp_path, monkeypatch):
    """A process that has mapped 40 regions."""
    mapped = tmp_path / "maps"
    mapped.write_text("7f00-7f01 r-xp\n" * 40)
    monkeypatch.setattr(loaded_programs, "MAPPED", mapped)
    return tmp_path


@pytest.mark.parametrize(("limit", "dropped"), [("1000\n", False), ("100\n", True), ("many\n", False)])
def test_programs_are_dropped_near_the_limit(regions, monkeypatch, limit, dropped):
    (regions / "limit").write_text(limit)
    monkeypatch.setattr(loaded_programs, "LIMIT", regions / "limit")
    traces = []

    @jax.jit
    def program(x):
        traces.append(x)
        return x + 1

    program(jnp.ones(3))
    assert unload_if_many() is dropped
    program(jnp.ones(3))
    assert len(traces) == 1 + dropped


def test_nothing_is_known_elsewhere_than_on_linux(regions, monkeypatch):
    monkeypatch.setattr(loaded_programs, "LIMIT", regions / "missing")
    assert not unload_if_many()
