"""The provenance of a measurement: what it ran on and with, without naming the machine or its user."""

import functools
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

import jax
from pydantic import JsonValue

from .distributions import PACKAGE, versions
from .threads import blas_threads

_ALWAYS_NAMED = ("jax", "jaxlib", "numpy", "optax", "lineax", "jaxopt", PACKAGE)
"""What older records name; scripts read these without looking into `packages`."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_FLAGS = {
    "x64": "jax_enable_x64",
    "matmul_precision": "jax_default_matmul_precision",
    "cache_enabled": "jax_enable_compilation_cache",
    "cache_folder": "jax_compilation_cache_dir",
}
# Named one by one: other JAX_* variables hold host names and ports of a cluster.
_VARIABLES = (
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "JAX_ENABLE_X64",
    "JAX_DEFAULT_MATMUL_PRECISION",
    "JAX_DEFAULT_DTYPE_BITS",
    "JAX_CPU_ENABLE_ASYNC_DISPATCH",
    "JAX_DEBUG_NANS",
    "JAX_DISABLE_JIT",
    "JAX_ENABLE_COMPILATION_CACHE",
    "JAX_COMPILATION_CACHE_DIR",
    "XLA_PYTHON_CLIENT_PREALLOCATE",
    "XLA_PYTHON_CLIENT_MEM_FRACTION",
    "XLA_PYTHON_CLIENT_ALLOCATOR",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
)


def environment() -> dict[str, JsonValue]:
    """Return versions, device, flags, precision and threads as plain JSON values.

    `packages` has the version of every installed distribution that this package's metadata names. What cannot
    be found out is null. Memory is in bytes. Paths in flags are replaced by `<path>`. Caveat: it starts
    JAX's backend, so set the platform before.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        **{name.replace("-", "_"): _version(name) for name in _ALWAYS_NAMED},
        "packages": dict(versions()),
        **_checkout(Path(__file__).resolve().parents[2]),
        **_device(),
        **_settings(),
        **_threads(),
        "cpu_model": _cpu_model(),
        "total_memory_bytes": _total_memory(),
    }


def _version(package: str) -> str | None:
    """Return an installed package's version."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _checkout(folder: Path) -> dict[str, JsonValue]:
    """Return this project's commit, and whether files differ from it, if it runs from its checkout.

    A package installed into some other project's checkout must not report that project's commit.
    """
    top = _git(folder, "rev-parse", "--show-toplevel")
    if top is None or Path(top).resolve() != folder:
        return {"commit": None, "dirty": None}
    # A run that writes its results into the checkout does not change what is measured.
    changes = _git(folder, "status", "--porcelain", "--", ".", ":!results")
    return {"commit": _git(folder, "rev-parse", "HEAD"), "dirty": None if changes is None else changes != ""}


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints; None without git, or where it refuses."""
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _device() -> dict[str, JsonValue]:
    """Return kind, platform and number of the devices that JAX uses by default."""
    devices = jax.devices()
    return {
        "device_kind": devices[0].device_kind,
        "device_platform": devices[0].platform,
        "device_count": len(devices),
    }


def _settings() -> dict[str, JsonValue]:
    """Return what changes the compiled program: precision, cache and the variables that matter."""
    flags = {name: getattr(jax.config, flag) for name, flag in _FLAGS.items()}
    return {
        "x64": bool(flags["x64"]),
        "matmul_precision": flags["matmul_precision"],
        "persistent_compilation_cache": bool(flags["cache_enabled"] and flags["cache_folder"]),
        "variables": {name: _without_paths(os.environ[name]) for name in _VARIABLES if name in os.environ},
    }


def _without_paths(value: str) -> str:
    """Replace absolute paths, which would name the user or the machine."""
    return re.sub(r"(?<![^\s=:,'\"])[/~][^\s,:'\"]*", "<path>", value)


def _threads() -> dict[str, JsonValue]:
    """Return thread limits, and the processors there are and this process may use."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else None
    return {
        "threads": {name: os.environ.get(name) for name in _THREADS},
        "blas_threads": blas_threads(),
        "cpu_count": os.cpu_count(),
        "cpu_affinity": allowed,
    }


@functools.cache
def _cpu_model() -> str | None:
    """Return the processor's name as the system gives it."""
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        match = None
    return match.group(1) if match else platform.processor() or None


def _total_memory() -> int | None:
    """Return the machine's memory in bytes."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
