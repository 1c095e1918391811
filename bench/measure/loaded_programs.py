"""Compiled programs that a process still holds, and how many of them Linux lets it map.

XLA's CPU programs take about twelve regions of memory each (jaxlib 0.10). Linux grants a process 65,530 by
default, and one that asks for more ends in a segmentation fault: some 5,000 programs, which a long test run
reaches.
"""

from pathlib import Path

import jax

LIMIT = Path("/proc/sys/vm/max_map_count")
MAPPED = Path("/proc/self/maps")


def unload_if_many(share: float = 0.4) -> bool:
    """Drop what JAX has compiled if the process has used this share of its regions; say whether it did.

    Reading their list takes up to half a second: ask between groups of work. What is needed again is compiled
    again. Elsewhere than on Linux nothing is known and nothing is dropped.
    """
    try:
        limit = int(LIMIT.read_text())
        mapped = MAPPED.read_bytes().count(b"\n")
    except (OSError, ValueError):
        return False
    if mapped < share * limit:
        return False
    jax.clear_caches()
    return True
