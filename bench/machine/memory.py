"""How much of the host's memory a process may take, has and had; this imports no JAX."""

import os
import re
from pathlib import Path

MEMORY_SHARE = 0.8
"""Share of a device's or the host's memory that a program may need, or a process take."""


def host_memory_limit() -> float:
    """Return the bytes of the host's memory that one process may take."""
    return MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def resident_bytes(pid: int | None = None) -> int | None:
    """Return the bytes of a process that lie in memory, this one's unless another is named.

    None where the system does not tell, or the process has ended.
    """
    try:
        pages = int(Path(f"/proc/{pid or 'self'}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
"""What a process's environment says from its start on, for glibc to give back all that is free.

Each further arena, made by threads that allocate at once, keeps up to 64 MiB at its end, which `malloc_trim`
leaves alone: a program that finds room there takes no memory that anybody could see (glibc 2.36).
"""


def has_one_arena() -> bool:
    """Return whether this process was started with `ONE_ARENA`."""
    return ONE_ARENA.items() <= os.environ.items()


def forget_peak() -> bool:
    """Let the peak of this process's memory begin anew; return whether the system can: Linux, mostly."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_resident_bytes() -> int | None:
    """Return the most bytes of this process that lay in memory since `forget_peak`; None if nobody tells."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else int(found[1]) * 1024
