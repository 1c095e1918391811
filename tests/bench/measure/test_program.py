"""Programs are compiled once, kept apart where they differ, and fail with the reason."""

import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hypergrad_bench.bench.measure import quick_compile
from hypergrad_bench.bench.measure.program import (
    Compiler,
    Memory,
    OutOfMemory,
    Program,
    _without_names,
    out_of_memory_named,
    persistent_cache_off,
)
from hypergrad_bench.bench.measure.quick_compile import quick_compiler

pytestmark = pytest.mark.own_compiler

X = jnp.arange(4.0)


def compile_both(first, second, *arguments) -> tuple[Program, Program]:
    compiler = Compiler()
    programs = [compiler.compile_program(each, *arguments, name="test") for each in (first, second)]
    return programs[0], programs[1]


def shared(first: Program, second: Program) -> bool:
    return first.identity == second.identity


def test_program_computes_and_carries_its_costs():
    program = Compiler().compile_program(lambda x: jnp.sin(x) @ x, X, name="test")
    assert program(X) == pytest.approx(np.sin(np.arange(4.0)) @ np.arange(4.0))
    assert program.compile_seconds > 0
    assert program.memory.argument == 32
    assert program.memory.output == 8
    assert program.memory.total == 40 + program.memory.temporary
    assert "HloModule" in program.text()


def test_equal_programs_of_other_names_are_compiled_once():
    @jax.jit
    def inner(x):
        return jnp.sin(x)

    @jax.jit
    def helper(x):
        return jnp.sin(x)

    def first(x):
        return {"x": inner(x) + 1}

    def second(y):
        return {"x": helper(y) + 1}

    one, two = compile_both(first, second, X)
    assert shared(one, two)
    assert two.compile_seconds > 0
    np.testing.assert_array_equal(two(X)["x"], one(X)["x"])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (lambda x, y: x + 1, lambda x, y: x + 2),
        (lambda x, y: x + 0, lambda x, y: y + 0),  # unused arguments must not be pruned from the text
        (lambda x, y: {"a": x}, lambda x, y: {"b": x}),
        (lambda x, y: jnp.linalg.cholesky(jnp.outer(x, y)), lambda x, y: jnp.linalg.qr(jnp.outer(x, y))[0]),
    ],
)
def test_programs_that_differ_are_kept_apart(first, second):
    one, two = compile_both(first, second, X, 2 * X)
    assert not shared(one, two)
    for program, function in ((one, first), (two, second)):
        jax.tree.map(np.testing.assert_array_equal, program(X, 2 * X), function(X, 2 * X))


def test_constants_keep_programs_apart():
    matrices = [np.eye(100), np.eye(100)]
    matrices[1][50, 50] = 2
    one, two = compile_both(
        *[lambda x, matrix=matrix: jnp.asarray(matrix) @ x for matrix in matrices], jnp.ones(100)
    )
    assert not shared(one, two)
    assert two(jnp.ones(100))[50] == 2


def test_callbacks_keep_programs_apart():
    shape = jax.ShapeDtypeStruct(X.shape, X.dtype)

    def doubled(x):
        return jax.pure_callback(lambda v: 2 * v, shape, x)

    def tripled(x):
        return jax.pure_callback(lambda v: 3 * v, shape, x)

    one, two = compile_both(doubled, tripled, X)
    np.testing.assert_array_equal(one(X), 2 * X)
    np.testing.assert_array_equal(two(X), 3 * X)


def test_custom_call_targets_are_not_names():
    text = (
        "module @jit_{0} {{\n func.func public @main\n func.func private @{0}\n call @{0}\n custom_call @{1}"
    )
    assert _without_names(text.format("a", "potrf")) == _without_names(text.format("b", "potrf"))
    assert _without_names(text.format("a", "potrf")) != _without_names(text.format("a", "getrf"))
    assert _without_names(text.format("potrf", "potrf")) != _without_names(text.format("getrf", "getrf"))


def test_new_data_of_one_configuration_is_not_traced_again():
    program = Compiler().compile_program(lambda x: x + 1, X, name="test")
    assert program.retraces(X + 5) == 0
    assert program.retraces(jnp.ones(7)) == 1  # the counter does count


def test_persistent_cache_is_neither_read_nor_written(tmp_path):
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = [getattr(jax.config, name) for name in names]
    jax.config.update(names[0], str(tmp_path))
    jax.config.update(names[1], 0.0)
    try:
        jax.jit(lambda x: jnp.cos(x) + 123).lower(X).compile()
        cached = set(tmp_path.iterdir())
        Compiler().compile_program(lambda x: jnp.cos(x) + 456, X, name="test")
        assert cached, "the cache is off anyway, so that this test shows nothing"
        assert set(tmp_path.iterdir()) == cached
        assert jax.config.jax_enable_compilation_cache
    finally:
        for name, value in zip(names, before, strict=True):
            jax.config.update(name, value)
        jax.experimental.compilation_cache.compilation_cache.reset_cache()


def test_refused_memory_is_named():
    def enormous(x):
        return jnp.cumsum(jax.lax.sort(jnp.outer(x, x).reshape(-1)))[-1]

    wide = jnp.ones(3_000_000)
    program = Compiler().compile_program(enormous, wide, name="enormous")
    assert program.memory.total > 1e13  # the caller can refuse before it runs
    with (
        pytest.raises(OutOfMemory, match="enormous: JaxRuntimeError: RESOURCE_EXHAUSTED"),
        out_of_memory_named("enormous"),
    ):
        jax.block_until_ready(program(wide))


def test_other_errors_pass():
    with pytest.raises(TypeError):
        Compiler().compile_program(lambda x: x + "text", X, name="test")


def test_memory_without_figures_has_no_total():
    assert Memory(1, None, 3).total is None


def test_a_compiler_beside_promises_its_programs_and_waits_for_them():
    with ThreadPoolExecutor(2) as beside, persistent_cache_off():
        compiler = Compiler(beside=beside)
        programs = [compiler.compile_program(lambda x: jnp.sin(x), X, name="test") for _ in range(2)]
        compiler.wait()
    assert shared(*programs)
    assert programs[0].compile_seconds > programs[0].lowering_seconds > 0
    np.testing.assert_array_equal(programs[1](X), jnp.sin(X))


def test_a_program_raises_what_its_compilation_raised_to_whoever_needs_it():
    with ThreadPoolExecutor(1) as beside, persistent_cache_off():
        compiler = Compiler((("xla_no_such_option", 1),), beside)
        program = compiler.compile_program(lambda x: x, X, name="test")
        compiler.wait()
    for need in (program.wait, lambda: program.compile_seconds, lambda: program.memory, lambda: program(X)):
        with pytest.raises(jax.errors.JaxRuntimeError, match="xla_no_such_option"):
            need()


def test_what_has_not_begun_is_not_compiled_once_it_is_forgotten():
    held = threading.Event()
    with ThreadPoolExecutor(1) as beside, persistent_cache_off():
        beside.submit(held.wait)
        compiler = Compiler(beside=beside)
        program = compiler.compile_program(lambda x: x, X, name="test")
        compiler.forget()
        held.set()
    with pytest.raises(CancelledError):
        program.wait()


def test_a_quick_compiler_leaves_out_options_that_xla_does_not_have(monkeypatch):
    known = dict(quick_compiler(1).options)
    assert known["xla_backend_optimization_level"] == 1
    monkeypatch.setattr(quick_compile, "_OLDER_AND_WHOLE", (("xla_no_such_option", 1),))
    quick_compile._known_options.cache_clear()
    assert dict(quick_compiler(1).options) == {"xla_backend_optimization_level": 1}
    quick_compile._known_options.cache_clear()


def test_a_quickly_compiled_program_computes_the_same():
    program = quick_compiler(0).compile_program(lambda x: jnp.sin(x) @ x, X, name="test")
    assert float(program(X)) == pytest.approx(np.sin(np.arange(4.0)) @ np.arange(4.0), rel=1e-14)
