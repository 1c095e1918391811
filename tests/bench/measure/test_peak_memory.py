"""Measured memory: it sees what the compiler counts, and what the compiler cannot know."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.measure import peak_memory
from hypergrad_bench.bench.measure.peak_memory import measured_peak
from hypergrad_bench.bench.measure.program import Compiler, Program

MIB = 2**20
LARGE = 32 * MIB


def peak_of(call: Callable[[], object]) -> int:
    call()  # what only a first call makes does not count
    peak = measured_peak(call)
    if peak is None:
        pytest.skip("this system does not tell the peak of a process's memory")
    return peak


@pytest.fixture
def sorted_products() -> Program:
    """A program whose buffers are of a megabyte and more, and all known to the compiler."""

    def smallest(x: jax.Array) -> jax.Array:
        return jnp.sort(jnp.outer(x, x), axis=0)[0]

    return Compiler().compile_program(smallest, jnp.ones(1536), name="sorted products")


def test_what_a_call_takes_and_gives_back_is_its_peak() -> None:
    def call() -> None:
        for _ in range(3):
            np.ones(LARGE, np.uint8)

    assert 0.95 * LARGE < peak_of(call) < 1.2 * LARGE


def test_what_was_there_before_does_not_count() -> None:
    held = np.ones(LARGE, np.uint8)
    assert peak_of(lambda: held.max()) < MIB


def test_it_agrees_with_the_figure_of_a_program_that_the_compiler_knows_whole(
    sorted_products: Program,
) -> None:
    x = jnp.ones(1536)
    memory = sorted_products.memory
    assert memory.total is not None
    assert memory.argument is not None
    found = peak_of(lambda: jax.block_until_ready(sorted_products(x)))
    assert found + memory.argument == pytest.approx(memory.total, rel=0.25)


def test_it_sees_what_a_program_takes_by_calling_back() -> None:
    def large(x: np.ndarray) -> np.ndarray:
        return np.asarray(x) + float(np.ones(LARGE, np.uint8)[0])

    def call_back(x: jax.Array) -> jax.Array:
        return jax.pure_callback(large, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    x = jnp.ones(3)
    program = Compiler().compile_program(call_back, x, name="calls back")
    assert program.memory.total is not None
    assert program.memory.total < MIB
    assert peak_of(lambda: jax.block_until_ready(program(x))) > 0.95 * LARGE


def test_where_the_system_tells_nothing_there_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
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
