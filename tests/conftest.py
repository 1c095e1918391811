"""What every test runs under: float64 on the CPU, strict promotion, checked annotations."""

import gc
import hashlib
import os
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

import jax
import jaxtyping
import pytest
from cpu_seconds import function_of, slow_functions
from jaxtyping import install_import_hook

QUICK = (
    "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=0"
    # Programs in one piece: in many, LLVM works on them side by side and does more in all.
    " --xla_cpu_parallel_codegen_split_count=1"
)


def pytest_configure(config: pytest.Config) -> None:
    """Let XLA compile for the CPU by its older code and without LLVM's optimisations, if it still has that.

    Compiling takes most of the tests' time, and several times as much of it otherwise. JAX has not started
    its backend yet; workers and child processes inherit the setting. What is given already stays as it is.
    """
    given = os.environ.get("XLA_FLAGS", "")
    if "PYTEST_XDIST_WORKER" not in os.environ and not given and _quick_is_known(config):
        os.environ["XLA_FLAGS"] = QUICK


def _quick_is_known(config: pytest.Config) -> bool:
    """Ask another process, once a release of jaxlib: XLA ends one that asks for what it does not know."""
    cache, key = getattr(config, "cache", None), f"quick_compilation/{version('jaxlib')}/{QUICK}"
    if cache and cache.get(key, False):
        return True
    asked = subprocess.run(
        [sys.executable, "-c", "import jax; jax.devices('cpu')"],
        env=os.environ | {"XLA_FLAGS": QUICK, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
    )
    # A no is asked again: it may have been for want of memory.
    if cache and asked.returncode == 0:
        cache.set(key, True)
    return asked.returncode == 0


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not in what was imported: tracing makes many objects and few cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)


@pytest.hookimpl(tryfirst=True)  # before pytest leaves out what is marked
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow the functions that `slow.txt` lists."""
    slow = slow_functions()
    for item in items:
        if function_of(item.nodeid) in slow:
            item.add_marker(pytest.mark.slow)


jax.config.update("jax_platforms", os.environ.get("JAX_PLATFORMS") or "cpu")
jax.config.update("jax_enable_x64", True)
# A silent cast or a silent broadcast is a defect: float32 problems must stay float32.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# Before the package's first import: only what is imported after this line is checked.
install_import_hook("hypergrad_bench", "checked_annotations.checked")

from hypergrad_bench.bench.machine.threads import fix_blas_threads  # noqa: E402
from hypergrad_bench.bench.measure import program  # noqa: E402
from hypergrad_bench.bench.measure.loaded_programs import unload_if_many  # noqa: E402

# Several workers whose factorisations each took all processors would wait for each other.
fix_blas_threads()

ROOT = Path(__file__).resolve().parent.parent
TESTS_RUN, TESTS_BETWEEN = count(1), 25
COMPILED: OrderedDict[tuple[object, ...], Any] = OrderedDict()
sharing = [True]
"""Whether the test that runs now may take what another one compiled."""
LATEST = 1500
"""Executables that are kept, of some 5,000 that a process may hold."""
LOWERED_IN_ONE = 50
"""Programs that are lowered in one context."""
LOWERED = (("jax._src.pjit", "_pjit_lower"), ("jax._src.interpreters.pxla", "_cached_lowering_to_hlo"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder of image sets that are too large or too restricted to ship; skips where there is none."""
    folder = Path(os.environ.get("HGB_TEST_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no image sets at {folder}; HGB_TEST_DATA names another folder")
    return folder


@pytest.fixture(scope="session", autouse=True)
def _one_context_for_many() -> None:
    """Lower programs in a context that others were lowered in: to make one takes most of a small one's time.

    A new one now and then, as they keep what was built in them; and one each while threads compile, which a
    context is not made for. This is JAX's own affair: without it tests only take longer.
    """
    module = sys.modules.get("jax._src.interpreters.mlir")
    make = getattr(module, "make_ir_context", None)
    if make is None:
        return
    lowered, latest = count(), [make()]

    def context() -> Any:
        if any(thread.name.startswith("ThreadPoolExecutor") for thread in threading.enumerate()):
            return make()
        if next(lowered) % LOWERED_IN_ONE == 0:
            latest[0] = make()
        return latest[0]

    vars(module)["make_ir_context"] = context


@pytest.fixture(autouse=True)
def _forget_lowered() -> Iterator[None]:
    """Drop the texts of what a test compiled; JAX keeps thousands, each in a context of a megabyte.

    The more of them live, the longer the next one takes. Traces and executables stay, so that nothing is
    compiled twice. These caches are JAX's own affair: without them the tests take more time and memory.
    """
    yield
    for module, name in LOWERED:
        getattr(getattr(sys.modules.get(module), name, None), "cache_clear", int)()


@pytest.fixture(autouse=True)
def _optimised_programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optimise what is marked `optimised`, at LLVM's first level: where networks run, that saves more time.

    JAX has no setting for it in a running process: the options of its compiler, its own affair, are changed.
    Without them such tests only take longer.
    """
    module = sys.modules.get("jax._src.compiler")
    ordinary = getattr(module, "get_compile_options", None)
    if request.node.get_closest_marker("optimised") is None or ordinary is None:
        return

    def optimised(*arguments: Any, **settings: Any) -> Any:
        options = ordinary(*arguments, **settings)
        options.executable_build_options.debug_options.xla_backend_optimization_level = 1
        return options

    monkeypatch.setattr(module, "get_compile_options", optimised)


@pytest.fixture(autouse=True)
def _unload_programs() -> Iterator[None]:
    """Keep the process below the regions of memory that Linux grants it: thousands of tests compile more."""
    yield
    if next(TESTS_RUN) % TESTS_BETWEEN == 0 and unload_if_many(0.7):
        COMPILED.clear()


@pytest.hookimpl(tryfirst=True)  # before the fixtures of a module, which compile too
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Say whether what this test compiles may come from another one."""
    sharing[0] = item.get_closest_marker("own_compiler") is None


@pytest.fixture(scope="session", autouse=True)
def _compile_once() -> None:
    """Hand out what was compiled of an equal text: tests jit anew what other tests have jitted.

    Programs that call back into Python are compiled each time, as a text does not show whom they call. This
    is JAX's own affair: without it tests only take longer. Tests marked `own_compiler` look at compiling.
    """
    module = sys.modules.get("jax._src.compiler")
    compile_anew = getattr(module, "compile_or_get_cached", None)
    if compile_anew is None:
        return

    def compile_once(
        backend: Any, computation: Any, devices: Any, options: Any, callbacks: Any, *rest: Any
    ) -> Any:
        text = str(computation)
        if callbacks or not sharing[0] or "callback" in text:
            return compile_anew(backend, computation, devices, options, callbacks, *rest)
        text = hashlib.sha256(program._without_names(text).encode()).hexdigest()
        key = text, options.SerializeAsString(), str(devices)
        if key not in COMPILED:
            COMPILED[key] = compile_anew(backend, computation, devices, options, callbacks, *rest)
        COMPILED.move_to_end(key)
        if len(COMPILED) > LATEST:
            COMPILED.popitem(last=False)
        return COMPILED[key]

    vars(module)["compile_or_get_cached"] = compile_once


@pytest.fixture
def as_users_run() -> Iterator[None]:
    """Leave annotations unchecked: wrong input meets the library's own messages, as it does for users."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.fixture
def hgb(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """Run a command of `hgb` in an empty folder and return its exit status."""
    from hypergrad_bench.bench.cli import main  # after the hook above

    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["hgb", *arguments])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run
