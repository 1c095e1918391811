"""Measured memory: it sees what the compiler counts, and what the compiler cannot know."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.machine.memory import ONE_ARENA
from hypergrad_bench.bench.measure import peak_memory
from hypergrad_bench.bench.measure.peak_memory import measured_peak
from hypergrad_bench.bench.measure.program import Compiler, Program

MIB = 2**20
LARGE, WIDTH = 32 * MIB, 2560


def sorted_products(n: int = WIDTH) -> Program:
    """A program whose buffers are of megabytes, and all known to the compiler."""

    def smallest(x: jax.Array) -> jax.Array:
        return jnp.sort(jnp.outer(x, x), axis=0)[0]

    return Compiler().compile_program(smallest, jnp.ones(n), name="sorted products")


def called_back() -> Program:
    """A program that takes memory where the compiler cannot know of it."""

    def large(x: np.ndarray) -> np.ndarray:
        return np.asarray(x) + float(np.ones(LARGE, np.uint8)[0])

    def call_back(x: jax.Array) -> jax.Array:
        return jax.pure_callback(large, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    return Compiler().compile_program(call_back, jnp.ones(3), name="calls back")


def take_and_give_back() -> None:
    for _ in range(3):
        np.ones(LARGE, np.uint8)


def live_long() -> None:
    """Leave the allocator as a process that measured much leaves it: with free memory that it keeps."""
    for mebibytes in (1, 2, 4, 8, 16, 24, 31):
        np.ones(mebibytes * MIB, np.uint8)
    for n in (1000, 1500, 2000, WIDTH):
        jax.block_until_ready(sorted_products(n)(jnp.ones(n)))


def peak_of(call: Callable[[], object]) -> int | None:
    jax.block_until_ready(call())  # what only a first call makes does not count
    return measured_peak(call)


def peaks() -> dict[str, int | None]:
    """Measure every peak that a test asks for; the figures of the compiler stand beside."""
    held = np.ones(LARGE, np.uint8)
    products, calling = sorted_products(), called_back()
    wide, three = jnp.ones(WIDTH), jnp.ones(3)
    found = {
        "taken": peak_of(take_and_give_back),
        "held": peak_of(lambda: held.max()),
        "products": peak_of(lambda: products(wide)),
        "calling": peak_of(lambda: calling(three)),
    }
    live_long()
    known, unknown = products.memory, calling.memory
    assert known.total is not None
    assert known.argument is not None
    return found | {
        "products later": peak_of(lambda: products(wide)),
        "products known": known.total - known.argument,
        "calling known": unknown.total,
    }


@pytest.fixture(scope="module")
def measured() -> dict[str, int]:
    """Peaks of a process that was started as one is that measures cases."""
    command = [sys.executable, "-P", __file__]
    done = subprocess.run(command, env=os.environ | ONE_ARENA, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    if found["taken"] is None:
        pytest.skip("this system does not tell the peak of a process's memory")
    return found


def test_what_a_call_takes_and_gives_back_is_its_peak(measured: dict[str, int]) -> None:
    assert 0.95 * LARGE < measured["taken"] < 1.2 * LARGE


def test_what_was_there_before_does_not_count(measured: dict[str, int]) -> None:
    assert measured["held"] < MIB


@pytest.mark.parametrize("when", ["products", "products later"])
def test_it_agrees_with_the_figure_of_a_program_that_the_compiler_knows_whole(
    measured: dict[str, int], when: str
) -> None:
    assert measured[when] == pytest.approx(measured["products known"], rel=0.25)


def test_it_sees_what_a_program_takes_by_calling_back(measured: dict[str, int]) -> None:
    assert measured["calling known"] < MIB
    assert measured["calling"] > 0.95 * LARGE


@pytest.mark.parametrize("arenas", [None, "2"])
def test_a_process_that_may_keep_free_memory_has_no_figure(
    monkeypatch: pytest.MonkeyPatch, arenas: str | None
) -> None:
    (name,) = ONE_ARENA
    if arenas is None:
        monkeypatch.delenv(name, raising=False)
    else:
        monkeypatch.setenv(name, arenas)
    assert measured_peak(lambda: None) is None


def test_where_the_system_tells_nothing_there_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak_memory, "has_one_arena", lambda: True)
    monkeypatch.setattr(peak_memory, "forget_peak", lambda: False)
    assert measured_peak(lambda: None) is None


@pytest.mark.parametrize(
    ("before", "after", "peak"),
    [((100, 150), (100, 400), 300), ((100, 400), (100, 400), None), (None, None, None)],
)
def test_a_device_tells_its_allocators_peak_unless_it_held_more_before(
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[int, int] | None,
    after: tuple[int, int] | None,
    peak: int | None,
) -> None:
    told = iter([before, after])

    class Device:
        def memory_stats(self) -> dict[str, int] | None:
            numbers = next(told)
            return (
                numbers and dict(zip(("bytes_in_use", "peak_bytes_in_use"), numbers, strict=True))
            ) or None

    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "devices", lambda: [Device()])
    assert measured_peak(lambda: None) == peak


if __name__ == "__main__":
    sys.stdout.write(json.dumps(peaks()))
