#!/usr/bin/env bash
# On a CPU, a JAX program that needs 25 MiB can run without any growth of the process, even after malloc_trim.
#
# Behaviour: XLA allocates a CPU program's temporary memory by malloc, on threads of its own. glibc serves each
#   thread from an arena; once a process has freed larger blocks, it no longer maps blocks of up to 32 MiB one
#   by one, and the free end of an arena other than the main one stays resident, up to twice that size.
#   `malloc_trim(0)` gives back free pages inside all arenas, and the end of the main one only. A program that
#   finds its buffers there raises neither the resident size nor its peak: measured after `malloc_trim`, with
#   the kernel's peak (VmHWM) set back just before, it takes a thousandth of what the compiler says and what it
#   touches. The first time, in a new process, the figures agree. With one arena (MALLOC_ARENA_MAX=1, set before
#   the process starts) they agree always.
# Versions: jax 0.10.2, jaxlib 0.10.2, numpy 2.4.0, on a CPU; glibc 2.36, Linux (VmHWM can be set back).
# Context: comparing the memory of gradient methods by the resident size of a process that measures one after
#   the other. Later ones look free.
# Seen: growth at the peak, in MiB, of a program whose temporary memory is 25.0 MiB
#     arenas     first   after larger programs
#     default     25.0     0.0
#     one         25.0    25.0
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/python -m pip install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.0
cat >measure.py <<'PYTHON'
import ctypes
import re
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

MIB = 2**20


def compiled(n):
    return jax.jit(lambda x: jnp.sort(jnp.outer(x, x), axis=0)[0]).lower(jnp.ones(n)).compile()


def status(name):
    return int(re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024


def growth(program, x):
    for _ in range(10):
        ctypes.CDLL(None).malloc_trim(0)
        time.sleep(0.02)
    Path("/proc/self/clear_refs").write_text("5")
    before = status("VmRSS")
    jax.block_until_ready(program(x))
    return status("VmHWM") - before


N = 2560
program, x = compiled(N), jnp.ones(N)
jax.block_until_ready(program(x))
first = growth(program, x)
for size in (1, 2, 4, 8, 16, 24, 31):
    np.ones(size * MIB, np.uint8)
for n in (1000, 1500, 2000, 2500, N):
    jax.block_until_ready(compiled(n)(jnp.ones(n)))
later = min(growth(program, x) for _ in range(5))
print(program.memory_analysis().temp_size_in_bytes / MIB, first, later)
PYTHON
default=$(JAX_PLATFORMS=cpu venv/bin/python measure.py)
one=$(MALLOC_ARENA_MAX=1 JAX_PLATFORMS=cpu venv/bin/python measure.py)
venv/bin/python - "$default" "$one" <<'PYTHON'
import sys

default, one = (tuple(map(float, line.split())) for line in sys.argv[1:])
print("arenas     first   after larger programs")
for name, (_, first, later) in (("default", default), ("one", one)):
    print(f"{name:<9}{first:>7.1f}{later:>8.1f}")
needed = default[0]
assert abs(default[1] - needed) < 0.2 * needed, "changed: already the first time it is not seen"
assert default[2] < 0.1 * needed, "changed: after larger programs the memory is seen"
assert all(abs(seen - needed) < 0.2 * needed for seen in one[1:]), "changed: not seen with one arena"
PYTHON
