"""The clock waits for results, treats all entries alike, and outlives an entry that fails."""

import collections
import gc
import itertools
import time

import jax
import jax.numpy as jnp
import pytest

from hypergrad_bench.bench.grid.clock_settings import ClockSettings
from hypergrad_bench.bench.measure import clock
from hypergrad_bench.bench.measure import self_test as module
from hypergrad_bench.bench.measure.clock import balanced_order, time_once, time_rounds
from hypergrad_bench.bench.measure.program import OutOfMemory
from hypergrad_bench.bench.measure.samples import Samples, ratio
from hypergrad_bench.bench.measure.self_test import self_test
from hypergrad_bench.bench.records.clock_test import ClockTest
from hypergrad_bench.bench.records.status import Status

THREE = ClockSettings(rounds_min=3, rounds_max=3, sample_seconds=0.0)


class Clockless:
    """JAX without the wait."""

    @staticmethod
    def block_until_ready(tree):
        return tree


WHEN = "2026-01-01T00:00:00+00:00"


def test_self_test_passes_and_gives_its_figures():
    """The work must really be asynchronous here, or the self-test could not fail; nor may it cost much."""
    found = self_test(WHEN)
    assert found.fault == ""
    assert found.charged_seconds / found.work_seconds == found.charged_share
    assert found.returned_seconds < found.work_seconds / 2
    assert found.charged_share >= 0.5
    assert 0.03 <= found.work_seconds < 0.3
    assert ClockTest.model_validate_json(found.model_dump_json(), strict=True) == found


def test_self_test_fails_without_the_wait(monkeypatch):
    monkeypatch.setattr(clock, "jax", Clockless)
    failed = self_test(WHEN)
    assert failed.charged_share < 0.5
    assert f"the clock failed its self-test of {WHEN}: it charged " in failed.fault
    assert "no time that was measured then can be trusted" in failed.fault


def test_a_self_test_that_fails_is_tried_once_more(monkeypatch):
    """As another process may have slowed what the clock is compared with."""
    shares = [0.1, 0.9, 0.2, 0.3]

    def tried(created):
        seconds = {"work_seconds": 1.0, "returned_seconds": 0.0}
        return ClockTest(**seconds, charged_seconds=shares[0], charged_share=shares.pop(0), created=created)

    monkeypatch.setattr(module, "_tried", tried)
    assert self_test(WHEN).charged_share == 0.9
    assert self_test(WHEN).charged_share == 0.3
    assert ClockTest(
        work_seconds=1.0, returned_seconds=0.0, charged_seconds=None, charged_share=None, created=WHEN
    ).fault.startswith(f"the clock failed its self-test of {WHEN}: it charged nothing for work of 1 s")


def test_every_leaf_is_waited_for(monkeypatch):
    waited = []
    monkeypatch.setattr(jax, "block_until_ready", waited.append)
    tree = {"a": jnp.ones(2), "b": (jnp.ones(3), 4)}
    time_rounds({"tree": lambda: tree}, THREE)
    assert waited
    assert all(each is tree for each in waited)


def test_a_single_call_gives_its_result_and_its_seconds(monkeypatch):
    """Until the result is ready, and not longer; what it raises is raised."""
    waited = []
    monkeypatch.setattr(clock.jax, "block_until_ready", lambda tree: waited.append(tree) or tree)
    result, seconds = time_once(lambda: time.sleep(0.02) or "result")
    assert (result, waited) == ("result", ["result"])
    assert seconds >= 0.02
    assert gc.isenabled()
    with pytest.raises(OutOfMemory):
        time_once(lambda: (_ for _ in ()).throw(OutOfMemory("all of it")))


def test_rounds_interleave_after_warm_up():
    calls = []
    entries = {name: lambda name=name: calls.append(name) for name in "ABC"}
    time_rounds(entries, ClockSettings(rounds_min=4, rounds_max=4, warmup=2, sample_seconds=0.0))
    assert calls[:6] == list("AABBCC")
    rounds = ["".join(calls[start : start + 3]) for start in range(6, len(calls), 3)]
    assert len(rounds) == 4
    assert all(sorted(each) == list("ABC") for each in rounds)
    assert len(set(rounds)) > 1


@pytest.mark.parametrize("count", range(1, 8))
def test_each_follows_each_other_equally_often(count):
    names = "ABCDEFG"[:count]
    pairs = collections.Counter()
    for done in range(2 * count):
        order = balanced_order(names, done)
        assert sorted(order) == list(names)
        pairs.update(itertools.pairwise(order))
    assert set(pairs.values()) <= {2}
    assert len(pairs) == count * (count - 1)


def test_rounds_end_with_the_allowance_but_not_below_the_minimum():
    settings = ClockSettings(rounds_min=3, rounds_max=50, seconds=0.0, sample_seconds=0.0)
    samples = time_rounds({"any": lambda: None}, settings)["any"]
    assert len(samples.seconds) == 3


def test_short_calls_are_repeated_within_a_sample():
    calls = []
    settings = ClockSettings(rounds_min=1, rounds_max=1, warmup=1, sample_seconds=0.01)
    samples = time_rounds({"short": lambda: calls.append(0)}, settings)["short"]
    assert samples.inner > 10
    assert len(calls) == 1 + samples.inner


def test_long_calls_are_not_repeated():
    settings = ClockSettings(rounds_min=1, rounds_max=1, sample_seconds=1e-3)
    assert time_rounds({"long": lambda: time.sleep(2e-3)}, settings)["long"].inner == 1


def test_slow_entry_is_called_once_and_the_others_timed():
    calls = []
    entries = {"slow": lambda: calls.append(time.sleep(0.02)), "quick": lambda: None}
    settings = ClockSettings(rounds_min=3, rounds_max=3, limit_seconds=0.01)
    samples = time_rounds(entries, settings)
    assert len(calls) == 1
    assert samples["slow"].status is Status.TIMED_OUT
    assert len(samples["slow"].seconds) == 1
    assert "limit" in samples["slow"].reason
    assert len(samples["quick"].seconds) == 3


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError("bad W"), Status.FAILED),
        (OutOfMemory("too much"), Status.OUT_OF_MEMORY),
        (MemoryError(), Status.OUT_OF_MEMORY),
        (jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: 1 TB"), Status.OUT_OF_MEMORY),
    ],
)
@pytest.mark.parametrize("healthy_calls", [0, 4])
def test_failing_entry_is_named_and_the_others_timed(error, status, healthy_calls):
    calls = []

    def failing():
        calls.append(0)
        if len(calls) > healthy_calls:
            raise error

    samples = time_rounds({"failing": failing, "good": lambda: None}, THREE)
    assert samples["failing"].status is status
    assert samples["failing"].seconds == ()
    assert type(error).__name__ in samples["failing"].reason or status is Status.OUT_OF_MEMORY
    assert samples["failing"].reason
    assert len(samples["good"].seconds) == 3
    assert ratio(samples["failing"], samples["good"]) is None


def test_interrupt_is_not_swallowed_and_the_collector_is_back():
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        time_rounds({"any": interrupt}, THREE)
    assert gc.isenabled()


def test_collector_is_off_while_timing_and_stays_off_if_it_was():
    seen = []
    time_rounds({"any": lambda: seen.append(gc.isenabled())}, THREE)
    assert not any(seen)
    gc.disable()
    try:
        time_rounds({"any": lambda: None}, THREE)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_quartiles_and_ratio_are_formed_round_by_round():
    drifting = Samples((1.0, 2.0, 4.0, 8.0, 16.0))
    doubled = Samples(tuple(2 * seconds for seconds in drifting.seconds))
    assert (drifting.q1, drifting.median, drifting.q3) == (2.0, 4.0, 8.0)
    assert ratio(doubled, drifting) == (2.0, 2.0, 2.0)
    assert Samples(()).median is None


@pytest.mark.parametrize("settings", [{"rounds_min": 0}, {"rounds_min": 9, "rounds_max": 3}, {"warmup": 0}])
def test_settings_without_a_round_are_refused(settings):
    with pytest.raises(ValueError, match="are accepted"):
        ClockSettings(**settings)
