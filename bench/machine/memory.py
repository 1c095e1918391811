"""How much memory one program may need on the default device."""

import os
from pathlib import Path

import jax

MEMORY_SHARE = 0.8
"""Share of the device's memory that a program's static figure may take before it is not run at all."""


def memory_limit() -> float:
    """Return the bytes that one program may need on the default device."""
    stats = jax.devices()[0].memory_stats() or {}
    total = stats.get("bytes_limit")
    return MEMORY_SHARE * total if total else host_memory_limit()


def host_memory_limit() -> float:
    """Return the bytes of the host's memory that one process may take."""
    return MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def resident_bytes(pid: int) -> int | None:
    """Return the bytes of a process that lie in memory; None where the system does not tell, or it ended."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
